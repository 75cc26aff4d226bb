"""Whatever attributes clients look for, they are told what is wrong, or find what there is."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.execution.test_executor_bad_input import checked
from tests.support.gateway_server import Client, service

DOCUMENT = "query ($a: JSON) { resources(filter: { resourceAttributes: $a }) { totalCount } }"
DEEP = '{"a": ' + "[" * 300 + "]" * 300 + "}"
WRONG = [
    '"x"',
    "7",
    "[]",
    DEEP,
    '{"a": %s}' % ("9" * 100_000),
    '{"a": "\\u0000"}',
    '{"a": "\\ud800"}',
    '{"\\ud800": 1}',
    '{"user_password": "x"}',
    '{"user\\u005fpassword": ["x"]}',
]
"""JSON that can't be looked for."""
ODD = [
    "{}",
    '{"": ""}',
    '{"a": -0.0}',
    '{"a": 1e308}',
    '{"a": %s}' % ("9" * 400),
    '{"a": [[[{"b": [null]}]]]}',
    '{"a": "\\ud83d\\ude00"}',
    '{"$a": "\'; --", "a?": "?", "a%": "%s", ":f0": ":f0"}',
    '{"User_Password": "x"}',
]
"""JSON that can be looked for, unlikely as it is."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(demo_url: str) -> AsyncIterator[Client]:
    """Give a client of the demo."""
    async with service(demo_url, keep_tokens="off") as client:
        yield client


def body(attributes: str) -> bytes:
    """Write a request with attributes that no library would write."""
    written = f'{{"query": "{DOCUMENT}", "variables": {{"a": {attributes}}}}}'
    return written.encode()


@pytest.mark.parametrize("attributes", WRONG, ids=lambda each: each[:20])
async def test_what_can_t_be_looked_for_is_refused(client: Client, attributes: str) -> None:
    assert checked(await client.post(body(attributes)))
    assert (await client.ask("{ resources(first: 1) { totalCount } }"))["data"]


@pytest.mark.parametrize("attributes", ODD, ids=lambda each: each[:20])
async def test_what_is_odd_is_looked_for(client: Client, attributes: str) -> None:
    answer = await client.post(body(attributes))
    assert checked(answer) == []
    count = 600 if attributes == "{}" else 0
    assert answer.json()["data"] == {"resources": {"totalCount": count}}


@pytest.mark.parametrize("value", ["1e999", "9" * 5000, "[" * 60 + "]" * 60, '"\\u0000"', "$a"])
async def test_it_is_the_same_in_the_document(client: Client, value: str) -> None:
    query = DOCUMENT.replace("$a }", "{ x: @ } }").replace("@", value)
    if "$" not in value:
        query = query.partition(") ")[2]
    assert checked(await client.post_query(query, a="\0"))

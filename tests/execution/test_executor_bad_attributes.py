"""Test filters by attributes: unusual JSON is matched, invalid JSON rejected with an error."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.execution.test_executor_bad_input import get_client_errors
from tests.support.gateway_server import GatewayClient, serve_in_process

ATTRIBUTES_QUERY = (
    "query ($a: JSON) { resources(filter: { resourceAttributes: $a }) { totalCount } }"
)
DEEP_JSON = '{"a": ' + "[" * 300 + "]" * 300 + "}"
INVALID_ATTRIBUTES = [
    '"x"',
    "7",
    "[]",
    DEEP_JSON,
    '{"a": %s}' % ("9" * 100_000),
    '{"a": 1e1000}',
    '{"a": [1, 1e-9999999999999999999999]}',
    '{"a": "\\u0000"}',
    '{"a": "\\ud800"}',
    '{"\\ud800": 1}',
    '{"user_password": "x"}',
    '{"user\\u005fpassword": ["x"]}',
]
"""JSON that the filter rejects."""
UNUSUAL_ATTRIBUTES = [
    "{}",
    '{"": ""}',
    '{"a": -0.0}',
    '{"a": 1e308}',
    '{"a": [1e999, -1e-999, 12345678901234567890.123456789]}',
    '{"a": %s}' % ("9" * 400),
    '{"a": [[[{"b": [null]}]]]}',
    '{"a": "\\ud83d\\ude00"}',
    '{"$a": "\'; --", "a?": "?", "a%": "%s", ":f0": ":f0"}',
    '{"User_Password": "x"}',
]
"""JSON that the filter accepts, though few clients send it."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(demo_url: str) -> AsyncIterator[GatewayClient]:
    """Yield a client of the demo."""
    async with serve_in_process(demo_url, keep_tokens="off") as client:
        yield client


def make_body(attributes: str) -> bytes:
    """Return a request body with attributes that JSON libraries would not encode."""
    text = f'{{"query": "{ATTRIBUTES_QUERY}", "variables": {{"a": {attributes}}}}}'
    return text.encode()


@pytest.mark.parametrize("attributes", INVALID_ATTRIBUTES, ids=lambda each: each[:20])
async def test_invalid_attributes_are_rejected(client: GatewayClient, attributes: str) -> None:
    assert get_client_errors(await client.post(make_body(attributes)))
    assert (await client.execute_query("{ resources(first: 1) { totalCount } }"))["data"]


@pytest.mark.parametrize("attributes", UNUSUAL_ATTRIBUTES, ids=lambda each: each[:20])
async def test_unusual_attributes_are_accepted(client: GatewayClient, attributes: str) -> None:
    response = await client.post(make_body(attributes))
    assert get_client_errors(response) == []
    count = 600 if attributes == "{}" else 0
    assert response.json()["data"] == {"resources": {"totalCount": count}}


@pytest.mark.parametrize(
    "value", ["1e1000", "9" * 5000, "OK", "NaN", "[" * 60 + "]" * 60, '"\\u0000"', "$a"]
)
async def test_literals_in_the_document_behave_the_same(client: GatewayClient, value: str) -> None:
    query = ATTRIBUTES_QUERY.replace("$a }", "{ x: @ } }").replace("@", value)
    if "$" not in value:
        query = query.partition(") ")[2]
    assert get_client_errors(await client.post_query(query, a="\0"))

"""Whatever clients send, they are told what is wrong with it, and the next request is served."""

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.gateway_server import CODES, Client, service

RESOURCE = "query ($a: UUID!) { resource(uuid: $a) { name } }"
NODE = "query ($a: ID!) { node(id: $a) { id } }"
NODES = "query ($a: ID!) { nodes(ids: [$a]) { id } }"
FIRST = "query ($a: Int) { resources(first: $a) { nodes { name } } }"
AFTER = "query ($a: String) { resources(after: $a) { nodes { name } } }"
SEARCH = "query ($a: String) { resources(query: $a) { totalCount } }"
FILTER = "query ($a: ResourceFilter) { resources(filter: $a) { totalCount } }"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(demo_url: str) -> AsyncIterator[Client]:
    """Give a client of the demo."""
    async with service(demo_url, keep_tokens="off") as client:
        yield client


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def alive(client: Client) -> AsyncIterator[None]:
    """See that the next request is served, whatever was sent."""
    yield
    assert (await client.ask("{ resources(first: 1) { totalCount } }"))["data"]


def checked(answer: httpx.Response) -> list[dict[str, Any]]:
    """Give the errors of an answer; none is of our making."""
    assert answer.status_code < 500
    errors: list[dict[str, Any]] = answer.json().get("errors", [])
    for each in errors:
        assert each["extensions"]["code"] in CODES - {"INTERNAL", "UNAVAILABLE", "TIMEOUT"}, each
    return errors


@pytest.mark.parametrize(
    "uuid", ["", "x", "0" * 31, "0" * 33, "\0", "é" * 32, "\uff11" * 32, 5, [], {}]
)
async def test_what_is_no_uuid_is_said_to_be_none(client: Client, uuid: Any) -> None:
    (error,) = checked(await client.post_query(RESOURCE, a=uuid))
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    literal = RESOURCE.replace("($a: UUID!)", "").replace("$a", json.dumps(uuid))
    (error,) = checked(await client.post_query(literal))
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


END = """
mutation ($a: Date) {
  setResourceEndDate(input: {uuid: "00000000000000000000000000000000", endDate: $a}) { __typename }
}
"""


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("query ($a: DateTime) { resources(filter: {created: $a}) { totalCount } }", "A DateTime"),
        (END, "A Date is"),
    ],
)
async def test_a_number_is_no_day_and_no_moment(client: Client, query: str, told: str) -> None:
    (error,) = checked(await client.post_query(query, a=20260131))
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert told in error["message"]
    literal = query.replace("($a: DateTime)", "").replace("($a: Date)", "")
    (error,) = checked(await client.post_query(literal.replace("$a", "20260131")))
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert told in error["message"]


@pytest.mark.parametrize(
    "id_",
    [
        "",
        "x",
        "=",
        "é",
        "2YDZgNmA",
        "UmVzb3VyY2U6",
        "UmVzb3VyY2U6AAAA",
        urlsafe_b64encode(b"Query:" + b"0" * 32).decode(),
        urlsafe_b64encode(b"Resource:" + b"0" * 32).decode(),
        urlsafe_b64encode(b"Resource:" + b"0" * 33).decode(),
        urlsafe_b64encode(b"\xff:" + b"0" * 32).decode(),
        "x" * 1000,
        10**30,
    ],
)
async def test_an_id_of_nothing_finds_nothing(client: Client, id_: Any) -> None:
    assert (await client.ask(NODE, a=id_)) == {"data": {"node": None}}
    assert (await client.ask(NODES, a=id_)) == {"data": {"nodes": [None]}}


async def test_an_id_of_another_type_finds_nothing(client: Client) -> None:
    offering = (await client.ask("{ offerings(first: 1) { nodes { uuid } } }"))["data"]
    (uuid,) = [each["uuid"] for each in offering["offerings"]["nodes"]]
    id_ = urlsafe_b64encode(f"Resource:{uuid}".encode()).decode()
    assert (await client.ask(NODE, a=id_)) == {"data": {"node": None}}
    assert (await client.ask(RESOURCE, a=uuid)) == {"data": {"resource": None}}


@pytest.mark.parametrize(
    ("query", "argument"),
    [
        (NODE, ["id"]),
        (NODES, ["ids", 0]),
        (SEARCH, ["query"]),
        (AFTER, ["after"]),
        (
            FILTER.replace("ResourceFilter", "String").replace("$a)", "{name: $a})"),
            ["filter", "name"],
        ),
    ],
)
async def test_a_nul_character_is_refused(client: Client, query: str, argument: list[Any]) -> None:
    literal = query.partition(")")[2].replace("$a", '"\\u0000"')
    for answer in (await client.post_query(query, a="a\0"), await client.post_query(literal)):
        (error,) = checked(answer)
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}
        assert error["path"]


@pytest.mark.parametrize("query", [NODE, SEARCH, AFTER])
async def test_half_a_surrogate_pair_is_refused(client: Client, query: str) -> None:
    assert checked(
        await client.post(json.dumps({"query": query, "variables": {"a": "\ud800"}}).encode())
    )
    literal = query.partition(")")[2].replace("$a", '"\\ud800"')
    assert checked(await client.post_query(literal))


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**63, 2**64, 10**30, 10**4000])
async def test_numbers_have_bounds(client: Client, number: int) -> None:
    (error,) = checked(await client.post_query(FIRST, a=number))
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert checked(await client.post_query(f"{{ resources(first: {number}) {{ totalCount }} }}"))


async def test_a_number_of_any_length_has_bounds(client: Client) -> None:
    many = "9" * 100_000
    assert checked(await client.post_query(f"{{ resources(first: {many}) {{ totalCount }} }}"))
    body = json.dumps({"query": FIRST, "variables": {"a": 0}}).replace('"a": 0', f'"a": {many}')
    assert checked(await client.post(body.encode()))


async def test_a_long_text_is_no_trouble(client: Client) -> None:
    long = "x" * 999_000
    assert checked(await client.post_query(SEARCH, a=long))
    assert checked(await client.post_query(FILTER, a={"name": long}))
    assert checked(await client.post_query(NODE, a=long))
    named = {"name": "x" * 1000}
    assert (await client.ask(FILTER, a=named))["data"] == {"resources": {"totalCount": 0}}
    assert (await client.post_query(SEARCH, a=long + "x" * 2000)).status_code == 413


@pytest.mark.parametrize("joined", [{"not": {}}, {"and": [{}]}, {"or": [{}]}])
async def test_filters_have_a_depth(client: Client, joined: dict[str, Any]) -> None:
    (name,) = joined
    for depth in (6, 40, 300):
        text = json.dumps(joined)[:-1].replace("{}", "@") + "}"
        for _ in range(depth):
            text = text.replace("@", json.dumps(joined).replace("{}", "@"))
        given = json.loads(text.replace("@", "{}"))
        (error,) = checked(await client.post_query(FILTER, a=given))
        assert error["extensions"]["code"] == "BAD_USER_INPUT", name


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ("first: -1", "first"),
        ("first: 301", "first"),
        ("last: -1", "last"),
        ("last: 301", "last"),
        ("first: 1, last: 1", "last"),
        ("first: 0, last: 0", "last"),
        ('after: ""', "after"),
        ('before: "x"', "before"),
        ('before: "é"', "before"),
        ('after: "bnVsbA=="', "after"),
        ('after: "W10="', "after"),
    ],
)
async def test_a_page_that_makes_no_sense_is_refused(
    client: Client, arguments: str, argument: str
) -> None:
    query = f"{{ resources({arguments}) {{ nodes {{ name }} }} }}"
    (error,) = checked(await client.post_query(query))
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": [argument]}
    assert error["path"] == ["resources"]


async def test_a_cursor_of_another_order_is_refused(client: Client) -> None:
    named = "{ resources(orderBy: NAME_ASC) { pageInfo { endCursor } } }"
    given = (await client.ask(named))["data"]["resources"]["pageInfo"]["endCursor"]
    (error,) = checked(await client.post_query(AFTER, a=given))
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["after"]}
    assert "CREATED_ASC" in error["message"]


async def test_a_cursor_of_another_list_breaks_nothing(client: Client) -> None:
    named = "{ resources(orderBy: NAME_ASC) { pageInfo { endCursor } } }"
    given = (await client.ask(named))["data"]["resources"]["pageInfo"]["endCursor"]
    other = "query ($a: String) { projects(orderBy: NAME_ASC, after: $a) { nodes { name } } }"
    checked(await client.post_query(other, a=given))


async def test_a_cursor_that_is_nested_too_deeply_is_refused(client: Client) -> None:
    nested = urlsafe_b64encode(b"[" * 5000).decode()
    assert checked(await client.post_query(AFTER, a=nested))


@pytest.mark.parametrize(
    "moment", ["", "x", "now", "infinity", 5, "2026-13-01", "2026-01-01T25:00"]
)
async def test_what_is_no_moment_is_said_to_be_none(client: Client, moment: Any) -> None:
    assert checked(await client.post_query(FILTER, a={"created": moment}))


@pytest.mark.parametrize("moment", ["2026-01-01T00:00+16:00", "0001-01-01T00:00+23:59"])
async def test_every_moment_can_be_asked_for(client: Client, moment: str) -> None:
    checked(await client.post_query(FILTER, a={"created": moment}))

"""Test that invalid input gets a client error, and that the next request is served."""

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.gateway_server import ERROR_CODES, GatewayClient, serve_in_process

RESOURCE_QUERY = "query ($a: UUID!) { resource(uuid: $a) { name } }"
NODE_QUERY = "query ($a: ID!) { node(id: $a) { id } }"
NODES_QUERY = "query ($a: ID!) { nodes(ids: [$a]) { id } }"
FIRST_QUERY = "query ($a: Int) { resources(first: $a) { nodes { name } } }"
AFTER_QUERY = "query ($a: String) { resources(after: $a) { nodes { name } } }"
SEARCH_QUERY = "query ($a: String) { resources(query: $a) { totalCount } }"
FILTER_QUERY = "query ($a: ResourceFilter) { resources(filter: $a) { totalCount } }"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(demo_url: str) -> AsyncIterator[GatewayClient]:
    """Yield a client of the demo."""
    async with serve_in_process(demo_url, keep_tokens="off") as client:
        yield client


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def check_still_serving(client: GatewayClient) -> AsyncIterator[None]:
    """Check after each test that the next request is served."""
    yield
    assert (await client.execute_query("{ resources(first: 1) { totalCount } }"))["data"]


def get_client_errors(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the errors of a response, after a check that none is a server error."""
    assert response.status_code < 500
    errors: list[dict[str, Any]] = response.json().get("errors", [])
    for error in errors:
        assert error["extensions"]["code"] in ERROR_CODES - {
            "INTERNAL",
            "UNAVAILABLE",
            "TIMEOUT",
        }, error
    return errors


@pytest.mark.parametrize(
    "uuid", ["", "x", "0" * 31, "0" * 33, "\0", "é" * 32, "\uff11" * 32, 5, [], {}]
)
async def test_invalid_uuids_are_rejected(client: GatewayClient, uuid: Any) -> None:
    (error,) = get_client_errors(await client.post_query(RESOURCE_QUERY, a=uuid))
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    literal = RESOURCE_QUERY.replace("($a: UUID!)", "").replace("$a", json.dumps(uuid))
    (error,) = get_client_errors(await client.post_query(literal))
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


SET_END_DATE_MUTATION = """
mutation ($a: Date) {
  setResourceEndDate(input: {uuid: "00000000000000000000000000000000", endDate: $a}) { __typename }
}
"""


@pytest.mark.parametrize(
    ("query", "expected_message"),
    [
        ("query ($a: DateTime) { resources(filter: {created: $a}) { totalCount } }", "A DateTime"),
        (SET_END_DATE_MUTATION, "A Date must"),
    ],
)
async def test_numbers_are_rejected_as_dates_and_times(
    client: GatewayClient, query: str, expected_message: str
) -> None:
    (error,) = get_client_errors(await client.post_query(query, a=20260131))
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert expected_message in error["message"]
    literal = query.replace("($a: DateTime)", "").replace("($a: Date)", "")
    (error,) = get_client_errors(await client.post_query(literal.replace("$a", "20260131")))
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert expected_message in error["message"]


@pytest.mark.parametrize(
    "node_id",
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
async def test_unknown_ids_return_null(client: GatewayClient, node_id: Any) -> None:
    assert (await client.execute_query(NODE_QUERY, a=node_id)) == {"data": {"node": None}}
    assert (await client.execute_query(NODES_QUERY, a=node_id)) == {"data": {"nodes": [None]}}


async def test_id_of_another_type_returns_null(client: GatewayClient) -> None:
    data = (await client.execute_query("{ offerings(first: 1) { nodes { uuid } } }"))["data"]
    (uuid,) = [node["uuid"] for node in data["offerings"]["nodes"]]
    node_id = urlsafe_b64encode(f"Resource:{uuid}".encode()).decode()
    assert (await client.execute_query(NODE_QUERY, a=node_id)) == {"data": {"node": None}}
    assert (await client.execute_query(RESOURCE_QUERY, a=uuid)) == {"data": {"resource": None}}


@pytest.mark.parametrize(
    ("query", "argument"),
    [
        (NODE_QUERY, ["id"]),
        (NODES_QUERY, ["ids", 0]),
        (SEARCH_QUERY, ["query"]),
        (AFTER_QUERY, ["after"]),
        (
            FILTER_QUERY.replace("ResourceFilter", "String").replace("$a)", "{name: $a})"),
            ["filter", "name"],
        ),
    ],
)
async def test_nul_characters_are_rejected(
    client: GatewayClient, query: str, argument: list[Any]
) -> None:
    literal = query.partition(")")[2].replace("$a", '"\\u0000"')
    for response in (await client.post_query(query, a="a\0"), await client.post_query(literal)):
        (error,) = get_client_errors(response)
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}
        assert error["path"]


@pytest.mark.parametrize("query", [NODE_QUERY, SEARCH_QUERY, AFTER_QUERY])
async def test_lone_surrogates_are_rejected(client: GatewayClient, query: str) -> None:
    assert get_client_errors(
        await client.post(json.dumps({"query": query, "variables": {"a": "\ud800"}}).encode())
    )
    literal = query.partition(")")[2].replace("$a", '"\\ud800"')
    assert get_client_errors(await client.post_query(literal))


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**63, 2**64, 10**30, 10**4000])
async def test_integers_are_bounded(client: GatewayClient, number: int) -> None:
    (error,) = get_client_errors(await client.post_query(FIRST_QUERY, a=number))
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert get_client_errors(
        await client.post_query(f"{{ resources(first: {number}) {{ totalCount }} }}")
    )


async def test_very_long_integers_are_rejected(client: GatewayClient) -> None:
    digits = "9" * 100_000
    assert get_client_errors(
        await client.post_query(f"{{ resources(first: {digits}) {{ totalCount }} }}")
    )
    body = json.dumps({"query": FIRST_QUERY, "variables": {"a": 0}}).replace(
        '"a": 0', f'"a": {digits}'
    )
    assert get_client_errors(await client.post(body.encode()))


async def test_long_texts_are_handled(client: GatewayClient) -> None:
    long_text = "x" * 999_000
    assert get_client_errors(await client.post_query(SEARCH_QUERY, a=long_text))
    assert get_client_errors(await client.post_query(FILTER_QUERY, a={"name": long_text}))
    assert get_client_errors(await client.post_query(NODE_QUERY, a=long_text))
    name_filter = {"name": "x" * 1000}
    assert (await client.execute_query(FILTER_QUERY, a=name_filter))["data"] == {
        "resources": {"totalCount": 0}
    }
    assert (await client.post_query(SEARCH_QUERY, a=long_text + "x" * 2000)).status_code == 413


@pytest.mark.parametrize("combined_filter", [{"not": {}}, {"and": [{}]}, {"or": [{}]}])
async def test_filter_depth_is_bounded(
    client: GatewayClient, combined_filter: dict[str, Any]
) -> None:
    (combinator,) = combined_filter
    for depth in (6, 40, 300):
        text = json.dumps(combined_filter)[:-1].replace("{}", "@") + "}"
        for _ in range(depth):
            text = text.replace("@", json.dumps(combined_filter).replace("{}", "@"))
        nested_filter = json.loads(text.replace("@", "{}"))
        (error,) = get_client_errors(await client.post_query(FILTER_QUERY, a=nested_filter))
        assert error["extensions"]["code"] == "BAD_USER_INPUT", combinator


@pytest.mark.parametrize(
    ("filter_value", "path"),
    [
        ("{or: [{state: OK}, {name: $a}]}", ["or", 1]),
        ("{or: {name: $a}}", ["or", 0]),
        ("{not: {name: $a}}", ["not"]),
        ("{or: [{state: OK}, {and: [{name: $a}, {and: []}]}]}", ["or", 1]),
        ("{and: [{name: $a}, {or: [{not: {name: $a}}]}]}", ["and", 1, "or", 0, "not"]),
        ("{or: [{resourceAttributes: {a: $b}}]}", ["or", 0]),
    ],
)
@pytest.mark.parametrize("variables", [{}, {"a": None}])
async def test_alternatives_without_conditions_are_rejected(
    client: GatewayClient, filter_value: str, path: list[Any], variables: dict[str, Any]
) -> None:
    query = f"""query ($a: String, $b: Int) {{
        resources(filter: {filter_value}) {{ totalCount }}
        others: resources(filter: {{name: $a, resourceAttributes: {{b: $b}}}}) {{ totalCount }}
    }}"""
    (error,) = get_client_errors(await client.post_query(query, **variables))
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["filter", *path]}
    assert error["path"] == ["resources"]
    filled = await client.execute_query(query, a="x", b=1)
    assert "errors" not in filled


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
async def test_invalid_page_arguments_are_rejected(
    client: GatewayClient, arguments: str, argument: str
) -> None:
    query = f"{{ resources({arguments}) {{ nodes {{ name }} }} }}"
    (error,) = get_client_errors(await client.post_query(query))
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": [argument]}
    assert error["path"] == ["resources"]


async def test_cursor_of_another_order_is_rejected(client: GatewayClient) -> None:
    query = "{ resources(orderBy: NAME_ASC) { pageInfo { endCursor } } }"
    cursor = (await client.execute_query(query))["data"]["resources"]["pageInfo"]["endCursor"]
    (error,) = get_client_errors(await client.post_query(AFTER_QUERY, a=cursor))
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["after"]}
    assert "CREATED_ASC" in error["message"]


async def test_cursor_of_another_list_does_no_harm(client: GatewayClient) -> None:
    query = "{ resources(orderBy: NAME_ASC) { pageInfo { endCursor } } }"
    cursor = (await client.execute_query(query))["data"]["resources"]["pageInfo"]["endCursor"]
    other_query = "query ($a: String) { projects(orderBy: NAME_ASC, after: $a) { nodes { name } } }"
    get_client_errors(await client.post_query(other_query, a=cursor))


async def test_deeply_nested_cursor_is_rejected(client: GatewayClient) -> None:
    cursor = urlsafe_b64encode(b"[" * 5000).decode()
    assert get_client_errors(await client.post_query(AFTER_QUERY, a=cursor))


@pytest.mark.parametrize(
    "timestamp", ["", "x", "now", "infinity", 5, "2026-13-01", "2026-01-01T25:00"]
)
async def test_invalid_times_are_rejected(client: GatewayClient, timestamp: Any) -> None:
    assert get_client_errors(await client.post_query(FILTER_QUERY, a={"created": timestamp}))


@pytest.mark.parametrize("timestamp", ["2026-01-01T00:00+16:00", "0001-01-01T00:00+23:59"])
async def test_extreme_times_are_handled(client: GatewayClient, timestamp: str) -> None:
    get_client_errors(await client.post_query(FILTER_QUERY, a={"created": timestamp}))

"""Client libraries of JavaScript and Python: requests, errors, caches and subscriptions."""

import asyncio
from typing import Any

import pytest
from gql import Client, GraphQLRequest
from gql.dsl import DSLQuery, DSLSchema, dsl_gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from graphql import GraphQLSchema

from tests.support.time_limits import scale_seconds
from tests.transports.streaming_server import (
    ServedGateway,
    serve_gateway,
    wait_for_subscribers,
)
from tests.transports.test_transports_clients import NodeClient, create_python_client, run_client

PAGE_QUERY = """
query Page($first: Int!, $after: String) {
  resources(first: $first, after: $after) { nodes { name } pageInfo { endCursor } }
}
"""
PULL_MUTATION = (
    "mutation Pull($input: PullResourceInput!) { pullResource(input: $input) { __typename } }"
)
UNKNOWN_RESOURCE_INPUT = {"uuid": "00000000-0000-0000-0000-000000000000"}
ERROR_CODES = [["BAD_USER_INPUT"], ["GRAPHQL_VALIDATION_FAILED"], ["UNAUTHENTICATED"]]
"""Codes of a page that is too long, an unknown field and an invalid token."""
REJECTED_DOCUMENTS = {
    "{ resources(first: 5000) { totalCount } }": "BAD_USER_INPUT",
    "{ unknown }": "GRAPHQL_VALIDATION_FAILED",
}
FIRST_RESOURCES = "select name from marketplace_resource order by created, id limit 4"


def read_first_names(gateway: ServedGateway) -> list[str]:
    """Return the names of the oldest four resources."""
    return [name for (name,) in gateway.execute_sql(FIRST_RESOURCES)]


def rename_first_resource(gateway: ServedGateway, name: str) -> list[str]:
    """Rename the oldest resource; return the names of the oldest four."""
    select_id = "select id from marketplace_resource order by created, id limit 1"
    ((resource_id,),) = gateway.execute_sql(select_id)
    gateway.rename_resource(name, resource_id)
    return read_first_names(gateway)


async def check_requests(client: NodeClient, gateway: ServedGateway) -> None:
    """Check the results of the requests in `requests.mjs`."""
    assert await client.read_value("names") == read_first_names(gateway)
    assert await client.read_value("problem") == "NotFound"
    assert [await client.read_value("codes") for _ in ERROR_CODES] == ERROR_CODES


@pytest.mark.node
async def test_graphql_request(gateway: ServedGateway) -> None:
    async with run_client("graphql-request", gateway) as client:
        await check_requests(client, gateway)
        assert await client.read_value("complete")


@pytest.mark.node
async def test_apollo_client_normalises_events(gateway: ServedGateway) -> None:
    async with run_client("apollo-websocket", gateway) as client:
        await check_requests(client, gateway)
        assert await client.read_value("watched") == read_first_names(gateway)[:2]
        await wait_for_subscribers(gateway)
        names = rename_first_resource(gateway, "for Apollo's cache")
        assert await client.read_value("watched") == names[:2]
    await wait_for_subscribers(gateway, 0)


@pytest.mark.node
@pytest.mark.parametrize("transport", ["websocket", "stream"])
async def test_urql(gateway: ServedGateway, transport: str) -> None:
    async with run_client("urql", gateway, "staff", transport) as client:
        await check_requests(client, gateway)
        await wait_for_subscribers(gateway)
        uuid = gateway.rename_resource(f"for urql by {transport}")
        event = await client.read_event()
        assert (event["uuid"], event["resource"]["name"]) == (uuid, f"for urql by {transport}")
    await wait_for_subscribers(gateway, 0)


async def read_urql_requests(client: NodeClient) -> list[tuple[list[str], int]]:
    """Return what urql sent, and the statuses, up to its next result."""
    requests = []
    message: dict[str, Any] = {}
    while "username" not in message:
        message = await client.read_any_message()
        if "sent" in message:
            requests.append((message["sent"], message["status"]))
    assert message["username"] == "staff", message
    return requests


@pytest.mark.node
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_urql_registers_its_documents(url: str, method: str) -> None:
    async with (
        serve_gateway(url, get_queries="on" if method == "GET" else "off") as gateway,
        run_client("urql-persisted", gateway, "staff", method) as client,
    ):
        assert await read_urql_requests(client) == [([method], 400), ([method, "query"], 200)]
        assert await read_urql_requests(client) == [([method], 200)]


@pytest.mark.node
async def test_urql_sends_documents_if_they_are_not_stored(url: str) -> None:
    async with (
        serve_gateway(url, persisted_query_bytes="0") as gateway,
        run_client("urql-persisted", gateway, "staff", "POST") as client,
    ):
        assert await read_urql_requests(client) == [(["POST"], 400), (["POST", "query"], 200)]
        assert await read_urql_requests(client) == [(["POST", "query"], 200)]


@pytest.mark.node
async def test_urql_reports_that_queries_by_get_are_off(gateway: ServedGateway) -> None:
    async with run_client("urql-persisted", gateway, "staff", "GET") as client:
        message = await client.read_message("username")
        assert message["username"] == "[GraphQL] GraphQL requests must use the method POST."


@pytest.mark.node
async def test_relay_normalises_by_global_ids(gateway: ServedGateway) -> None:
    names = read_first_names(gateway)
    async with run_client("relay", gateway) as client:
        pages = await client.read_message("names")
        assert pages == {"names": names, "hasNextPage": True}
        refetched = await client.read_message("isSameRecord")
        assert refetched == {"name": names[0], "isSameRecord": True}
        assert await client.read_value("problem") == "NotFound"
        assert await client.read_value("codes") == ["BAD_USER_INPUT"]
        await wait_for_subscribers(gateway)
        names = rename_first_resource(gateway, "for Relay's store")
        assert await client.read_value("changed") == names
    await wait_for_subscribers(gateway, 0)


def create_http_client(gateway: ServedGateway, **options: Any) -> Client:
    """Create a client of the Python library gql over HTTP."""
    headers = gateway.create_auth_header()
    transport = HTTPXAsyncTransport(gateway.url, headers=headers, timeout=scale_seconds(10))
    return Client(transport=transport, **options)


async def test_python_client_sends_requests(gateway: ServedGateway) -> None:
    for client in (create_http_client(gateway), create_python_client(gateway)):
        async with client as session:
            names: list[str] = []
            variables: dict[str, Any] = {"first": 2}
            for _ in range(2):
                request = GraphQLRequest(PAGE_QUERY, variable_values=variables)
                page = (await session.execute(request))["resources"]
                names += [each["name"] for each in page["nodes"]]
                variables = {"first": 2, "after": page["pageInfo"]["endCursor"]}
            assert names == read_first_names(gateway)
            variables = {"input": UNKNOWN_RESOURCE_INPUT}
            request = GraphQLRequest(PULL_MUTATION, variable_values=variables)
            assert await session.execute(request) == {"pullResource": {"__typename": "NotFound"}}
            for text, expected_code in REJECTED_DOCUMENTS.items():
                with pytest.raises(TransportQueryError) as caught:
                    await session.execute(GraphQLRequest(text))
                codes = [each["extensions"]["code"] for each in caught.value.errors or ()]
                assert codes == [expected_code]


async def test_python_client_fetches_the_schema(gateway: ServedGateway) -> None:
    client = create_http_client(gateway, fetch_schema_from_transport=True)
    async with client as session:
        schema = client.schema
        assert isinstance(schema, GraphQLSchema)
        types = DSLSchema(schema)
        selection = types.Query.viewer.select(types.Viewer.user.select(types.User.username))
        result = await session.execute(dsl_gql(DSLQuery(selection)))
        assert result == {"viewer": {"user": {"username": "staff"}}}
        concurrent_results = await asyncio.gather(
            *(session.execute(dsl_gql(DSLQuery(selection))) for _ in range(10))
        )
        assert concurrent_results == [result] * 10

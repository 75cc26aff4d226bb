"""A read-only gateway reports why it is, and changes nothing."""

import psycopg
import pytest

from tests.conftest import DatabaseFactory
from tests.support.gateway_server import GatewayClient, create_small_demo, serve_in_process

PULL_MUTATION = """mutation ($input: PullResourceInput!) { pullResource(input: $input) {
    __typename ... on Problem { message } ... on Unavailable { retryable }
} }"""
ALLOWED_OPERATIONS_QUERY = "{ resources(first: 3) { nodes { uuid allowedOperations } } }"


async def pull_refusal_message(client: GatewayClient, username: str = "staff") -> str:
    """Return the message of the problem that a pull of a resource meets."""
    nodes = (await client.execute_query(ALLOWED_OPERATIONS_QUERY, username))["data"]["resources"][
        "nodes"
    ]
    assert nodes
    assert not any(each["allowedOperations"] for each in nodes)
    pull_input = {"uuid": nodes[0]["uuid"]}
    result = (await client.execute_query(PULL_MUTATION, username, input=pull_input))["data"][
        "pullResource"
    ]
    assert (result["__typename"], result["retryable"]) == ("Unavailable", False)
    return str(result["message"])


async def test_mutations_can_be_disabled(new_database: DatabaseFactory) -> None:
    async with serve_in_process(create_small_demo(new_database()), changes="off") as client:
        assert "GATEWAY_CHANGES" in await pull_refusal_message(client)


@pytest.mark.parametrize(
    ("settings", "expected_text"),
    [
        ({}, "GATEWAY_WALDUR_URL"),
        ({"changes": "local"}, "not made by the gateway"),
        ({"changes": "waldur"}, "GATEWAY_WALDUR_URL"),
    ],
)
async def test_a_foreign_waldur_is_read_only(
    waldur2024_url: str, settings: dict[str, str], expected_text: str
) -> None:
    async with serve_in_process(waldur2024_url, **settings) as client:
        assert expected_text in await pull_refusal_message(client)
    with psycopg.connect(waldur2024_url) as connection:
        schema_rows = connection.execute(
            "select from pg_namespace where nspname = 'gateway'"
        ).fetchall()
    assert schema_rows == []


async def test_anonymous_mutations_are_refused(new_database: DatabaseFactory) -> None:
    async with serve_in_process(create_small_demo(new_database())) as client:
        response = await client.execute_query(PULL_MUTATION, None, input={"uuid": "0" * 32})
        assert response["data"]["pullResource"]["__typename"] == "NotPermitted"
        get_response = await client.http.get(
            "/graphql", params={"query": "mutation { __typename }"}
        )
        assert get_response.status_code == 405

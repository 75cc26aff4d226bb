"""Where nothing can be changed that is told, and nothing is."""

import psycopg
import pytest

from tests.conftest import NewDatabase
from tests.support.gateway_server import Client, service, small_demo

PULL = """mutation ($input: PullResourceInput!) { pullResource(input: $input) {
    __typename ... on Problem { message } ... on Unavailable { retryable }
} }"""
ALLOWED = "{ resources(first: 3) { nodes { uuid allowedOperations } } }"
WALDUR = "https://waldur.example.org"


async def refused(client: Client, as_: str = "staff") -> str:
    """Give why nothing is changed."""
    nodes = (await client.ask(ALLOWED, as_))["data"]["resources"]["nodes"]
    assert nodes
    assert not any(each["allowedOperations"] for each in nodes)
    given = {"uuid": nodes[0]["uuid"]}
    came = (await client.ask(PULL, as_, input=given))["data"]["pullResource"]
    assert (came["__typename"], came["retryable"]) == ("Unavailable", False)
    return str(came["message"])


async def test_changes_can_be_switched_off(new_database: NewDatabase) -> None:
    async with service(small_demo(new_database()), changes="off") as client:
        assert "GATEWAY_CHANGES" in await refused(client)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "GATEWAY_WALDUR_URL"),
        ({"changes": "local"}, "not made by the gateway"),
        ({"changes": "waldur"}, "GATEWAY_WALDUR_URL"),
        ({"waldur_url": WALDUR, "keep_tokens": "off"}, "not supported yet"),
    ],
)
async def test_a_waldur_of_others_is_left_as_it_is(
    waldur2024_url: str, given: dict[str, str], told: str
) -> None:
    async with service(waldur2024_url, **given) as client:
        assert told in await refused(client)
    with psycopg.connect(waldur2024_url) as connection:
        own = connection.execute("select from pg_namespace where nspname = 'gateway'").fetchall()
    assert own == []


async def test_the_anonymous_change_nothing(new_database: NewDatabase) -> None:
    async with service(small_demo(new_database())) as client:
        came = await client.ask(PULL, None, input={"uuid": "0" * 32})
        assert came["data"]["pullResource"]["__typename"] == "NotPermitted"
        by_get = await client.http.get("/graphql", params={"query": "mutation { __typename }"})
        assert by_get.status_code == 405

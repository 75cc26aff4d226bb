"""Changes that the database refuses: the client gets the reason, and others are served."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import DatabaseFactory
from tests.support.gateway_server import GatewayClient, create_small_demo, serve_in_process
from tests.support.schema_scenes import ReaderRole, create_reader_role
from tests.support.time_limits import wait_until_async

RESOURCES_QUERY = "{ resources(first: 1) { nodes { uuid name } } }"
END_DATE_MUTATION = """mutation ($uuid: UUID!) {
    setResourceEndDate(input: {uuid: $uuid, endDate: "2038-01-01"}) {
        __typename ... on Problem { message } ... on Unavailable { retryable }
    }
}"""
GRANT_WRITES = "grant all on all tables in schema public, gateway to {role}"
REFUSE_CHANGES = """
create function refuse_change() returns trigger language plpgsql as
    $$ begin raise check_violation using message = 'refused'; end $$;
create trigger refuse_change before update on marketplace_resource
    for each row execute function refuse_change()
"""


@pytest.fixture
def role(new_database: DatabaseFactory) -> Iterator[ReaderRole]:
    """Yield a role that may only read a demo."""
    with create_reader_role(create_small_demo(new_database())) as reader_role:
        reader_role.run_sql("grant usage on schema gateway to {role}")
        reader_role.run_sql("grant select on all tables in schema gateway to {role}")
        yield reader_role


async def change_end_date(role: ReaderRole) -> Any:
    """Return the response to a change by that role, after which queries are answered as before."""
    async with serve_in_process(role.url, keep_tokens="off") as client:
        resources = await client.execute_query(RESOURCES_QUERY)
        (node,) = resources["data"]["resources"]["nodes"]
        response = await client.execute_query(END_DATE_MUTATION, uuid=node["uuid"])
        assert await client.execute_query(RESOURCES_QUERY) == resources
    return response


async def is_answered_like(client: GatewayClient, resources: Any) -> bool:
    """Return whether the query has that response."""
    return bool(await client.execute_query(RESOURCES_QUERY) == resources)


async def test_refusals_by_a_constraint_are_internal_errors(role: ReaderRole) -> None:
    role.run_sql(GRANT_WRITES)
    role.run_sql(REFUSE_CHANGES)
    response = await change_end_date(role)
    assert [error["extensions"]["code"] for error in response["errors"]] == ["INTERNAL"]


async def test_tables_that_may_not_be_read_are_unavailable(role: ReaderRole) -> None:
    role.run_sql(GRANT_WRITES)
    async with serve_in_process(role.url, keep_tokens="off") as client:
        (node,) = (await client.execute_query(RESOURCES_QUERY))["data"]["resources"]["nodes"]
        role.run_sql("revoke select on marketplace_resource from {role}")
        error = await client.fetch_error(END_DATE_MUTATION, uuid=node["uuid"])
    assert error["extensions"]["code"] == "UNAVAILABLE"


async def test_sessions_that_the_server_ends_are_unavailable(
    role: ReaderRole,
) -> None:
    role.run_sql(f"{GRANT_WRITES}; alter role {{role}} set transaction_timeout = '300ms'")
    async with serve_in_process(role.url, keep_tokens="off") as client:
        resources = await client.execute_query(RESOURCES_QUERY)
        (node,) = resources["data"]["resources"]["nodes"]
        with role.lock_table("marketplace_resource"):
            errors = [
                await client.fetch_error(RESOURCES_QUERY),
                await client.fetch_error(END_DATE_MUTATION, uuid=node["uuid"]),
            ]
        assert [error["extensions"]["code"] for error in errors] == ["UNAVAILABLE", "UNAVAILABLE"]
        await wait_until_async(lambda: is_answered_like(client, resources))


@pytest.mark.parametrize(
    ("sql", "expected_text", "is_retryable"),
    [
        ("", "may only read", False),
        ("grant update on authtoken_token to {role}", "has not all privileges", False),
        (
            f"{GRANT_WRITES}; alter role {{role}} set default_transaction_read_only = on",
            "read-only",
            True,
        ),
    ],
    ids=["reader", "reader that extends tokens", "read-only transactions"],
)
async def test_roles_that_may_not_write_get_a_reason(
    role: ReaderRole, sql: str, expected_text: str, *, is_retryable: bool
) -> None:
    role.run_sql(sql)
    result = (await change_end_date(role))["data"]["setResourceEndDate"]
    assert (result["__typename"], result["retryable"]) == ("Unavailable", is_retryable)
    assert expected_text in result["message"]

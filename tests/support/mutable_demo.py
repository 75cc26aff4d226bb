"""Demo marketplace for tests that change it: a client, and SQL on its tables."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from gateway.demo.marketplace.fill import create_marketplace
from tests.support.gateway_server import GatewayClient, serve_in_process

PROBLEM_SELECTION = "__typename ... on Problem { message } ... on NotPossible { reason } "
RESULT_SELECTION = (
    PROBLEM_SELECTION
    + "... on WrongState { state allowed } ... on InvalidInput { fields { path message } } "
    "... on Accepted { resource { uuid state endDate } order { uuid state cost } }"
)
FINISH_ORDERS_SQL = """
update marketplace_order set state = 3 where resource_id = %s and state in (1, 2, 7, 8, 9)
"""

NEWEST_VERSION_SQL = """
alter table marketplace_offeringcomponent add if not exists limit_decimal_places smallint
"""
"""Adds the column by which the newest version of Waldur is recognised."""


class MutableDemo:
    """Served demo marketplace, with a client and a superuser's connection."""

    def __init__(self, client: GatewayClient, connection: psycopg.Connection[Any]) -> None:
        self.client, self.connection = client, connection

    def run_sql(self, statement: str, *parameters: Any) -> list[Any]:
        """Run a statement and return its rows."""
        cursor = self.connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    async def run_mutation(self, field: str, as_: str | None = "staff", **input_values: Any) -> Any:
        """Run a mutation and return its result, which must have no errors."""
        type_ = f"{field[0].upper()}{field[1:]}Input"
        months = "... on InvalidMonths { rules { component min max step } }"
        selection = f"{RESULT_SELECTION} {months if field == 'renewResource' else ''}"
        document = f"mutation ($input: {type_}!) {{ {field}(input: $input) {{ {selection} }} }}"
        result = await self.client.execute_query(document, as_, input=input_values)
        assert "errors" not in result, result["errors"]
        return result["data"][field]

    async def run_many(self, field: str, as_: str | None = "staff", **input_values: Any) -> Any:
        """Run a mutation of many objects and return its items; there must be no errors."""
        type_ = f"{field[0].upper()}{field[1:]}Input"
        document = (
            f"mutation ($input: {type_}!)"
            f" {{ {field}(input: $input) {{ uuid result {{ {RESULT_SELECTION} }} }} }}"
        )
        result = await self.client.execute_query(document, as_, input=input_values)
        assert "errors" not in result, result["errors"]
        return result["data"][field]

    async def find_operable_resources(
        self, operation: str, as_: str = "staff", condition: str = "true"
    ) -> list[str]:
        """Return the UUIDs of resources that match `condition` and allow a user an operation."""
        document = "{ resources(first: 300) { nodes { uuid allowedOperations } } }"
        nodes = (await self.client.execute_query(document, as_))["data"]["resources"]["nodes"]
        uuids = [node["uuid"] for node in nodes if operation in node["allowedOperations"]]
        rows = self.run_sql(
            f"select r.uuid from marketplace_resource r"
            f" join marketplace_offering o on o.id = r.offering_id"
            f" where r.uuid = any(%s::uuid[]) and {condition} order by r.id",
            uuids,
        )
        return [uuid.hex for (uuid,) in rows]

    def digest_tables(self) -> dict[str, str]:
        """Return a digest of the rows of each table but the tokens, by table name."""
        tables: Sequence[Any] = self.run_sql(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname in ('public', 'gateway')"
            " and tablename not in ('authtoken_token')"
        )
        return {
            name: self.run_sql(
                f"select md5(coalesce(string_agg(t::text, ';' order by t::text), '')) from {name} t"
            )[0][0]
            for (name,) in tables
        }


@asynccontextmanager
async def serve_mutable_demo(
    url: str, resources: int = 300, *, setup_sql: str = "select", **overrides: str
) -> AsyncIterator[MutableDemo]:
    """Yield a served demo in an empty database, without terms of service to agree to.

    `setup_sql` changes the demo before it is served.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        create_marketplace(connection, resource_count=resources, seed=1)
        connection.execute("delete from marketplace_offeringtermsofservice")
        connection.execute(setup_sql.encode())
        async with serve_in_process(url, **overrides) as client:
            yield MutableDemo(client, connection)

"""A demo that may change: its clients, and what stands in its tables."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from gateway.demo.marketplace.fill import make
from tests.support.gateway_server import Client, service

PROBLEM = "__typename ... on Problem { message } ... on NotPossible { reason } "
WHOLE = (
    PROBLEM + "... on WrongState { state allowed } ... on InvalidInput { fields { path message } } "
    "... on Accepted { resource { uuid state endDate } order { uuid state cost } }"
)
FREE = """
update marketplace_order set state = 3 where resource_id = %s and state in (1, 2, 7, 8, 9)
"""


class Changing:
    """A demo with a client for everybody; `sql` looks behind the scenes."""

    def __init__(self, client: Client, connection: psycopg.Connection[Any]) -> None:
        self.client, self.connection = client, connection

    def sql(self, statement: str, *given: Any) -> list[Any]:
        """Run a statement, and give the rows that it gives."""
        done = self.connection.execute(statement.encode(), given or None)
        return done.fetchall() if done.description else []

    async def change(self, field: str, as_: str | None = "staff", **given: Any) -> Any:
        """Make a change and give what comes of it."""
        type_ = f"{field[0].upper()}{field[1:]}Input"
        months = "... on InvalidMonths { rules { component min max step } }"
        wanted = f"{WHOLE} {months if field == 'renewResource' else ''}"
        document = f"mutation ($input: {type_}!) {{ {field}(input: $input) {{ {wanted} }} }}"
        answer = await self.client.ask(document, as_, input=given)
        assert "errors" not in answer, answer["errors"]
        return answer["data"][field]

    async def able(self, operation: str, as_: str = "staff", condition: str = "true") -> list[str]:
        """Give the uuids of resources on which somebody can carry out an operation."""
        document = "{ resources(first: 300) { nodes { uuid allowedOperations } } }"
        nodes = (await self.client.ask(document, as_))["data"]["resources"]["nodes"]
        found = [each["uuid"] for each in nodes if operation in each["allowedOperations"]]
        kept = self.sql(
            f"select r.uuid from marketplace_resource r"
            f" join marketplace_offering o on o.id = r.offering_id"
            f" where r.uuid = any(%s::uuid[]) and {condition} order by r.id",
            found,
        )
        return [uuid.hex for (uuid,) in kept]

    def digest(self) -> dict[str, str]:
        """Give, for each table, what tells whether anything in it changed."""
        tables: Sequence[Any] = self.sql(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname in ('public', 'gateway')"
            " and tablename not in ('authtoken_token')"
        )
        return {
            name: self.sql(
                f"select md5(coalesce(string_agg(t::text, ';' order by t::text), '')) from {name} t"
            )[0][0]
            for (name,) in tables
        }


@asynccontextmanager
async def changing(url: str, resources: int = 300) -> AsyncIterator[Changing]:
    """Serve a demo in an empty database; nobody has to agree to any terms there."""
    with psycopg.connect(url, autocommit=True) as connection:
        make(connection, resources=resources, seed=1)
        connection.execute("delete from marketplace_offeringtermsofservice")
        async with service(url) as client:
            yield Changing(client, connection)

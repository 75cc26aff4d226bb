"""Two equal demos: one is changed locally, the other through the stand-in for Waldur.

The second gateway connects by the documented role, which may only read.
"""
# ruff: noqa: E501 - SQL

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psycopg

from gateway.demo.marketplace.fill import create_marketplace
from tests.support.documented_role import create_documented_role
from tests.support.gateway_server import serve_in_process
from tests.support.mutable_demo import MutableDemo
from tests.support.waldur_stand_in.stand_in import WaldurStandIn, run_waldur_stand_in

RESULT_SELECTION = """__typename
... on Problem { message } ... on NotPossible { reason } ... on WrongState { state allowed }
... on InvalidInput { fields { path message } }
... on Accepted {
    resource {
        uuid name slug description state endDate limits options attributes backendId effectiveId
        backendMetadata paused downscaled restrictMemberAccess errorMessage cost
        report { header body } endpoints { name url } plan { uuid } project { uuid }
        endDateRequestedBy { username }
    }
    order {
        uuid state type cost limits attributes requestComment startDate errorMessage
        consumerRejectionComment providerRejectionComment plan { uuid } createdBy { username }
    }
}
"""
_TABLES_SQL = "select tablename from pg_tables where schemaname = 'public' and tablename <> 'authtoken_token' order by 1"
_DIGEST_SQL = r"""
select '{table}', md5(coalesce(string_agg(line, ';' order by line), '')) from (
    select regexp_replace(t::text, '[0-9a-f]{{8}}-?[0-9a-f]{{4}}-?[0-9a-f]{{4}}-?[0-9a-f]{{4}}-?[0-9a-f]{{12}}|\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?', '#', 'g') line
    from {table} t) lines
"""
_UUID_PATTERN = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")


class TwinDemos(NamedTuple):
    """The demos, and the stand-in that changes the second one."""

    local: MutableDemo
    remote: MutableDemo
    stand_in: WaldurStandIn
    known_text: str
    """All uuids of the demos before they are changed."""

    @property
    def demos(self) -> tuple[MutableDemo, MutableDemo]:
        """Both demos."""
        return self.local, self.remote

    async def compare_mutation(
        self, field: str, inputs: Any, as_: str | None = "staff", request_count: int = 1
    ) -> Any:
        """Run a mutation in both demos and return the local result; both must be the same.

        `inputs` are the input of both, or one for each. An accepted mutation sends so many
        requests, any other none.
        """
        local_input, remote_input = inputs if isinstance(inputs, tuple) else (inputs, inputs)
        self.stand_in.take_requests()
        local = await send_mutation(self.local, field, local_input, as_)
        remote = await send_mutation(self.remote, field, remote_input, as_)
        assert self.stand_in.violations == []
        assert self.hide_new_uuids(remote) == self.hide_new_uuids(local)
        result = local["data"][field]
        requests = self.stand_in.take_requests()
        is_accepted = not isinstance(result, dict) or "message" not in result
        assert len(requests) == is_accepted * request_count, (result, requests)
        return result

    def run_sql(self, statement: str, *parameters: Any) -> tuple[list[Any], list[Any]]:
        """Run a statement in both and return its rows."""
        local, remote = [each.run_sql(statement, *parameters) for each in self.demos]
        return local, remote

    def hide_new_uuids(self, value: Any) -> Any:
        """Return a result with the same text for each uuid that the demos did not have at first."""
        if isinstance(value, str):
            return _UUID_PATTERN.sub(self._hide_uuid, value)
        if isinstance(value, list):
            return [self.hide_new_uuids(each) for each in value]
        if isinstance(value, dict):
            return {name: self.hide_new_uuids(each) for name, each in value.items()}
        return value

    def _hide_uuid(self, match: re.Match[str]) -> str:
        return match[0] if match[0].replace("-", "") in self.known_text else "NEW"


async def send_mutation(
    demo: MutableDemo, field: str, input_values: Mapping[str, Any], as_: str | None
) -> Any:
    """Return the response to a mutation."""
    is_many = "uuids" in input_values
    selection = f"uuid result {{ {RESULT_SELECTION} }}" if is_many else RESULT_SELECTION
    document = (
        f"mutation ($input: {field[0].upper()}{field[1:]}Input!)"
        f" {{ {field}(input: $input) {{ {selection} }} }}"
    )
    content = json.dumps({"query": document, "variables": {"input": input_values}}).encode()
    return (await demo.client.post(content, as_)).json()


def digest_rows(demo: MutableDemo) -> dict[str, str]:
    """Return a digest of each table's rows without uuids and timestamps, by table name."""
    tables = [name for (name,) in demo.run_sql(_TABLES_SQL)]
    statement = " union all ".join(_DIGEST_SQL.format(table=each) for each in tables)
    return dict(demo.run_sql(statement))


@asynccontextmanager
async def serve_twin_demos(
    new_database: Callable[[], str], resources: int, setup_sql: str = "select", **overrides: str
) -> AsyncIterator[TwinDemos]:
    """Yield two demos with the same rows."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        create_marketplace(connection, resource_count=resources, seed=1)
        connection.execute("delete from marketplace_offeringtermsofservice")
        connection.execute(setup_sql.encode())
    copy_url = _copy_database(url)
    async with AsyncExitStack() as exit_stack:
        stand_in = exit_stack.enter_context(run_waldur_stand_in(copy_url))
        settings = {"changes": "waldur", "waldur_url": stand_in.url, **overrides}
        local = await exit_stack.enter_async_context(_serve_demo(url, url, overrides))
        reader_url = exit_stack.enter_context(create_documented_role(copy_url))
        remote = await exit_stack.enter_async_context(_serve_demo(copy_url, reader_url, settings))
        yield TwinDemos(local, remote, stand_in, _collect_uuids(local))


@asynccontextmanager
async def _serve_demo(
    url: str, client_url: str, settings: dict[str, str]
) -> AsyncIterator[MutableDemo]:
    """Yield a demo whose gateway connects to `client_url`."""
    with psycopg.connect(url, autocommit=True) as connection:
        async with serve_in_process(client_url, **settings) as client:
            yield MutableDemo(client, connection)


def _copy_database(url: str) -> str:
    """Copy a database that nothing is connected to; return the URL of the copy."""
    name = urlsplit(url).path.removeprefix("/")
    copy_name = f"{name}_copy"
    server_url = url.replace(f"/{name}?", "/postgres?")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create database {copy_name} template {name}".encode())
    return url.replace(f"/{name}?", f"/{copy_name}?")


def _collect_uuids(demo: MutableDemo) -> str:
    """Return the uuids of all rows in one text."""
    columns = demo.run_sql(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'public' and data_type = 'uuid'"
    )
    statement = " union all ".join(f"select {column} from {table}" for table, column in columns)
    return " ".join(uuid.hex for (uuid,) in demo.run_sql(statement) if uuid is not None)

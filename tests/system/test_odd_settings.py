"""Test that no setting of the server, the database, the role or the URL changes an answer.

Each marketplace is a copy of one database, with odd defaults for all settings that could
matter. ODD_SETTINGS_CASES=all compares all documents of the corpus instead of some.
"""

import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from gateway.db.events.polling import PollingReader
from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.postgres import EmbeddedPostgres
from tests.execution.corpus import derived_documents
from tests.execution.corpus.both_executions import DualExecutor
from tests.execution.corpus.document_files import CorpusCase, load_cases
from tests.support.embedded_postgres import create_public_folder
from tests.support.event_listener import commit_sql, get_object_id, record_events
from tests.support.gateway_server import serve_in_process
from tests.support.marketplaces import open_marketplace
from tests.support.mutable_demo import MutableDemo
from tests.support.time_limits import wait_until
from tests.support.visibility.viewer_scenes import Viewpoint

ODD_SETTINGS = {
    "array_nulls": "off",
    "bytea_output": "escape",
    "client_encoding": "latin1",
    "constraint_exclusion": "on",
    "datestyle": "German, DMY",
    "debug_parallel_query": "on",
    "default_transaction_deferrable": "on",
    "default_transaction_isolation": "serializable",
    "enable_hashagg": "off",
    "enable_hashjoin": "off",
    "enable_indexscan": "off",
    "enable_nestloop": "off",
    "enable_seqscan": "off",
    "extra_float_digits": "-15",
    "from_collapse_limit": "1",
    "gin_fuzzy_search_limit": "1",
    "intervalstyle": "sql_standard",
    "join_collapse_limit": "1",
    "quote_all_identifiers": "on",
    "row_security": "off",
    "standard_conforming_strings": "off",
    "synchronize_seqscans": "on",
    "timezone": "Asia/Kathmandu",
    "transform_null_equals": "on",
    "work_mem": "64kB",
    "xmlbinary": "hex",
}
"""Values that no installation has as defaults, all of them at once."""
ODD_SEARCH_PATH = '"$user", nowhere, shadow, public, pg_catalog'
SHADOW_SQL = """
create schema shadow;
create function shadow.upper(text) returns text language sql as $$ select 'x' $$;
create function shadow.lower(text) returns text language sql as $$ select 'x' $$;
create function shadow.now() returns timestamptz language sql as $$ select 'epoch'::timestamptz $$;
create function shadow.differs(text, text) returns boolean language sql as $$ select false $$;
create operator shadow.= (function = shadow.differs, leftarg = text, rightarg = text);
create operator shadow.~~* (function = shadow.differs, leftarg = text, rightarg = text);
"""
ODD_ROWS_SQL = """
update marketplace_resource set end_date = '0044-03-15 BC' where id % 7 = 1;
update marketplace_resource set end_date = 'infinity' where id % 7 = 2;
update marketplace_offering set latitude = 0.1 + 0.2, longitude = 1e-7;
update marketplace_resource set name = E'\\\\"''é ' || name where id % 5 = 1;
delete from marketplace_offeringtermsofservice;
"""
LEVELS = ("server", "database", "role", "url", "pooler")
STEP = 1 if os.environ.get("ODD_SETTINGS_CASES") == "all" else 7
CASES: list[CorpusCase] = [
    *load_cases(),
    *derived_documents.generate_full_type_cases(),
    *derived_documents.generate_order_cases(),
    *derived_documents.generate_nested_order_cases(),
][::STEP]
VIEWPOINTS = (Viewpoint("odd", "staff"), Viewpoint("odd", "member"))
MUTATIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("renewResource", "RENEW_RESOURCE", {"extensionMonths": 12, "requestComment": r"a\'b"}),
    ("setResourceEndDate", "SET_RESOURCE_END_DATE", {"endDate": "2099-12-31"}),
    ("updateResourceOptions", "UPDATE_RESOURCE_OPTIONS", {"options": {"notify_at": "2031-02-03"}}),
    ("pullResource", "PULL_RESOURCE", {}),
)
AFTERWARDS_QUERY = """query ($uuids: [UUID!]) { resources(filter: {uuids: $uuids}) { nodes {
    name state endDate options limits cost orders { nodes { type state cost attributes limits } }
    historyAt(at: "2100-01-01T00:00:00Z") { comment }
} } }"""


class OddServer:
    """PostgreSQL server with copies of one marketplace."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self.postgres = postgres
        self.connection = psycopg.connect(postgres.url, autocommit=True)
        self.run_sql("create database original")
        with psycopg.connect(self.get_url("original")) as original:
            create_marketplace(original, resource_count=60, seed=1)
            original.execute(f"{SHADOW_SQL};{ODD_ROWS_SQL}".encode())

    def run_sql(self, statement: str) -> None:
        """Run a statement as the superuser."""
        self.connection.execute(statement.encode())

    def get_url(self, database: str) -> str:
        """Return the URL of a database."""
        return self.postgres.url.replace("/postgres?", f"/{database}?")

    @contextmanager
    def copy_marketplace(self, level: str | None) -> Iterator[str]:
        """Yield the URL of a copy whose settings are odd at a level; None for the defaults."""
        self.run_sql("create database copy template original")
        try:
            yield self._set_settings(level)
        finally:
            self.run_sql("alter system reset all")
            self.run_sql("select pg_reload_conf()")
            self.run_sql("drop database copy with (force)")

    def _set_settings(self, level: str | None) -> str:
        url, settings = self.get_url("copy"), {**ODD_SETTINGS, "search_path": ODD_SEARCH_PATH}
        if level is None:
            return url
        if level == "url":
            options = " ".join(
                f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in settings.items()
            )
            return f"{url}&options={quote(options)}"
        scopes = {"server": "system", "role": "role postgres in database copy"}
        for name, value in settings.items():
            quoted = value if name == "search_path" else f"'{value}'"
            self.run_sql(f"alter {scopes.get(level, 'database copy')} set {name} = {quoted}")
        self.run_sql("select pg_reload_conf()")
        return url


@pytest.fixture(scope="module")
def odd_server() -> Iterator[OddServer]:
    """Yield a server of its own, since its settings are changed."""
    with create_public_folder() as folder, EmbeddedPostgres.start(folder / "data") as postgres:
        odd_server = OddServer(postgres)
        yield odd_server
        odd_server.connection.close()


async def read_answers(url: str, *, pooler: bool) -> dict[str, bytes]:
    """Return the responses to the corpus; both executions must give the same."""
    async with open_marketplace(url, pooler=pooler) as marketplace:
        dual_executor = DualExecutor.open_over(marketplace)
        return {
            f"{viewpoint} {case}": (
                await dual_executor.run_case(case, viewpoint)
            ).reference.encode()
            for viewpoint in VIEWPOINTS
            for case in CASES
        }


@asynccontextmanager
async def serve_copy(url: str, *, pooler: bool) -> AsyncIterator[MutableDemo]:
    """Yield a served copy."""
    pooler_setting = "on" if pooler else "off"
    with psycopg.connect(url, autocommit=True, options="-c search_path=public") as connection:
        async with serve_in_process(url, pooler=pooler_setting) as client:
            yield MutableDemo(client, connection)


async def change_resources(url: str, *, pooler: bool) -> list[Any]:
    """Return the results of mutations, and what the resources are afterwards."""
    async with serve_copy(url, pooler=pooler) as copy:
        results, uuids = [], []
        for index, (field, operation, values) in enumerate(MUTATIONS):
            uuid = (await copy.find_operable_resources(operation))[index]
            uuids.append(uuid)
            results.append(await copy.run_mutation(field, uuid=uuid, **values))
        afterwards = await copy.client.execute_query(AFTERWARDS_QUERY, uuids=uuids)
        return [re.sub(r"'uuid': '\w+'", "", str(results)), afterwards]


@pytest.fixture(scope="module")
def usual_answers() -> dict[str, Any]:
    """Return the answers under the server's own defaults, filled by the first test."""
    return {}


@pytest.mark.parametrize("level", LEVELS)
async def test_odd_settings_change_no_answer(
    odd_server: OddServer, usual_answers: dict[str, Any], level: str
) -> None:
    if not usual_answers:
        with odd_server.copy_marketplace(None) as url:
            usual_answers["read"] = await read_answers(url, pooler=False)
            usual_answers["changed"] = await change_resources(url, pooler=False)
    is_pooled = level == "pooler"
    with odd_server.copy_marketplace(level) as url:
        with psycopg.connect(url) as connection:
            assert connection.execute("show datestyle").fetchone() == ("German, DMY",)
        answers = await read_answers(url, pooler=is_pooled)
        assert [
            name for name, answer in answers.items() if answer != usual_answers["read"][name]
        ] == []
        assert await change_resources(url, pooler=is_pooled) == usual_answers["changed"]


async def test_odd_settings_hide_no_event(odd_server: OddServer) -> None:
    change_sql = (
        "update public.marketplace_resource set state = 6, modified = pg_catalog.now() where id = 3"
    )
    with odd_server.copy_marketplace("database") as url:
        async with record_events(url, PollingReader(), None, 0.05) as recorder:
            commit_sql(url, change_sql)
            await wait_until(lambda: len(recorder.events) == 1)
        assert get_object_id(recorder.events[0]) == 3


async def test_tables_are_found_where_the_role_finds_them(odd_server: OddServer) -> None:
    with odd_server.copy_marketplace(None) as url:
        with psycopg.connect(url) as connection:
            connection.execute('alter schema public rename to "Waldur\'s"')
            connection.execute('alter database copy set search_path = "Waldur\'s"')
        for pooler in (False, True):
            async with open_marketplace(url, pooler=pooler) as marketplace:
                data = await marketplace.fetch_data("{ resources { totalCount } }")
            assert data == {"resources": {"totalCount": 60}}

"""A marketplace whose changes are sent to a REST API that places orders, and loses answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.support.gateway_server import serve_in_process
from tests.support.mutable_demo import MutableDemo
from tests.support.placing_waldur import PlacingWaldur
from tests.support.rest_server import RestServer, run_rest_server

AGE_CLAIMS_SQL = """
update gateway.idempotency_key set claimed_at = claimed_at - make_interval(secs => %s)
"""
LONG_AGO = 5 * 60
"""Age of a claim, in seconds, whose request has ended in Waldur, too."""
CLAIMS_SQL = "select key, result from gateway.idempotency_key order by id"


@dataclass
class KeyedScene:
    """A marketplace whose changes are sent to a REST API that places orders."""

    demo: MutableDemo
    rest_server: RestServer
    waldur: PlacingWaldur
    uuids: list[str]
    """Resources that can be renewed; each is for one test."""

    async def renew(self, key: str | None, uuid: str = "", months: int = 12) -> Any:
        """Renew a resource, that of the test by default."""
        return await self.demo.run_mutation(
            "renewResource",
            uuid=uuid or self.uuids[0],
            extensionMonths=months,
            idempotencyKey=key,
        )

    def age_claims(self, seconds: int) -> None:
        """Make all claims so many seconds older, but keep the times of orders."""
        self.demo.run_sql(AGE_CLAIMS_SQL, seconds)

    def undo_orders(self) -> None:
        """Delete the orders that were placed, as if Waldur had not come to it."""
        statement = "delete from marketplace_order where uuid = any(%s::uuid[])"
        self.demo.run_sql(statement, self.waldur.order_uuids)

    def list_claims(self) -> list[tuple[str, bool]]:
        """Return the keys that are claimed, each with whether it has a result."""
        return [(key, result is not None) for key, result in self.demo.run_sql(CLAIMS_SQL)]

    def allow_renewal(self) -> None:
        """Complete what the resource of the test waits for."""
        self.demo.run_sql(
            "update marketplace_order set state = 3 where resource_id ="
            " (select id from marketplace_resource where uuid = %s)",
            self.uuids[0],
        )
        self.demo.run_sql(
            "update marketplace_resource set state = 2 where uuid = %s", self.uuids[0]
        )


@asynccontextmanager
async def open_scene(url: str, uuids: list[str], **overrides: str) -> AsyncIterator[KeyedScene]:
    """Yield a scene over a demo."""
    with run_rest_server() as rest_server, psycopg.connect(url, autocommit=True) as connection:
        waldur = PlacingWaldur(url)
        rest_server.respond = waldur
        async with serve_in_process(
            url, changes="waldur", waldur_url=rest_server.url, **overrides
        ) as client:
            try:
                yield KeyedScene(MutableDemo(client, connection), rest_server, waldur, uuids)
            finally:
                waldur.finish()

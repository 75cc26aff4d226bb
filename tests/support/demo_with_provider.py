"""A demo that may change, with its provider at hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateway.config.settings import settings
from gateway.db.driver.transactions import Writing
from gateway.db.sql.compiler import Statements
from gateway.demo.provider import Provider
from gateway.server.factory import installation_of
from tests.support.mutable_demo import Changing, changing

RESOURCE = """
select r.id, r.state, r.end_date, r.limits, r.attributes, r.options, r.cost, r.current_usages,
    r.last_sync, r.plan_id, o.plugin_options, o.type
from marketplace_resource r join marketplace_offering o on o.id = r.offering_id where r.uuid = %s
"""
FIELDS = [
    "id",
    "state",
    "end_date",
    "limits",
    "attributes",
    "options",
    "cost",
    "current_usages",
    "last_sync",
    "plan_id",
    "plugin_options",
    "type",
]


class Living(Changing):
    """A demo with its provider at hand, who works when told to."""

    provider: Provider

    def row(self, uuid: str) -> dict[str, Any]:
        """Give what stands in a resource's row."""
        return dict(zip(FIELDS, self.sql(RESOURCE, uuid)[0], strict=True))

    async def carry_out(self) -> None:
        """Have the provider do all that is due."""
        while await self.provider.step():
            pass

    def order(self, uuid: str) -> Any:
        """Give the state of an order as a number, its error, and who reviewed it."""
        ((*found,),) = self.sql(
            "select state, error_message, consumer_reviewed_by_id, provider_reviewed_by_id,"
            " completed_at from marketplace_order where uuid = %s",
            uuid,
        )
        return found


@asynccontextmanager
async def living(url: str) -> AsyncIterator[Living]:
    """Serve a demo in an empty database, and have its provider wait to be told."""
    async with changing(url) as made:
        made.__class__ = Living
        assert isinstance(made, Living)
        writing = Writing(url, statement_seconds=10)
        await writing.open()
        effective = settings({"GATEWAY_DATABASE_URL": url})
        made.provider = Provider(writing, Statements(installation_of(effective)), 0)
        yield made
        await writing.close()


async def renewable(demo: Living, kind: str) -> str:
    """Give a resource of an offering of a type that can be renewed."""
    return (await demo.able("RENEW_RESOURCE", condition=f"r.state = 2 and o.type = '{kind}'"))[0]

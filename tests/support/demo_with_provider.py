"""Demo marketplace for tests that change it, with its provider."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from gateway.config.settings import load_settings
from gateway.db.access.viewer import Viewer
from gateway.db.driver.transactions import TransactionPool
from gateway.db.sql.compiler import StatementCompiler
from gateway.demo.provider import DemoProvider
from gateway.marketplace.unit_of_work import UnitOfWork
from gateway.server.factory import detect_installation
from tests.support.gateway_server import build_environment
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

T = TypeVar("T")
RESOURCE_SQL = """
select r.id, r.state, r.end_date, r.limits, r.attributes, r.options, r.cost, r.current_usages,
    r.last_sync, r.plan_id, o.plugin_options, o.type
from marketplace_resource r join marketplace_offering o on o.id = r.offering_id where r.uuid = %s
"""
RESOURCE_COLUMNS = [
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


class DemoWithProvider(MutableDemo):
    """Served demo marketplace whose provider works on demand."""

    provider: DemoProvider
    transaction_pool: TransactionPool
    statement_compiler: StatementCompiler

    def create_provider(self) -> DemoProvider:
        """Return a new provider, which carries out orders and pulls at once."""
        return DemoProvider(self.transaction_pool, lambda: self.statement_compiler, 0)

    async def run_as_staff(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Run a unit of work by a viewer who is staff, and return its result."""
        viewer = Viewer(is_staff=True, username="staff")
        return await self.transaction_pool.run_transaction(
            lambda writer: work(UnitOfWork(viewer, writer, self.statement_compiler))
        )

    def load_resource_row(self, uuid: str) -> dict[str, Any]:
        """Return columns of a resource and its offering, by name."""
        return dict(zip(RESOURCE_COLUMNS, self.run_sql(RESOURCE_SQL, uuid)[0], strict=True))

    def load_last_event_id(self) -> int:
        """Return the id of the last logged event."""
        return int(self.run_sql("select max(id) from logging_event")[0][0])

    def load_events(self, since_event_id: int) -> list[tuple[str, str]]:
        """Return type and message of the events after an event."""
        events_sql = "select event_type, message from logging_event where id > %s order by id"
        return self.run_sql(events_sql, since_event_id)

    async def process_due_work(self) -> None:
        """Run the provider until no work is due."""
        while await self.provider.process_due_work():
            pass

    def load_order_row(self, uuid: str) -> Any:
        """Return state, error, reviewers (consumer, provider) and completion of an order."""
        ((*columns,),) = self.run_sql(
            "select state, error_message, consumer_reviewed_by_id, provider_reviewed_by_id,"
            " completed_at from marketplace_order where uuid = %s",
            uuid,
        )
        return columns


@asynccontextmanager
async def serve_demo_with_provider(
    url: str, *, setup_sql: str = "select", **overrides: Any
) -> AsyncIterator[DemoWithProvider]:
    """Yield a served demo in an empty database whose provider works on demand."""
    async with serve_mutable_demo(url, setup_sql=setup_sql, **overrides) as demo:
        demo.__class__ = DemoWithProvider
        assert isinstance(demo, DemoWithProvider)
        demo.transaction_pool = TransactionPool(url, statement_seconds=10)
        await demo.transaction_pool.open()
        effective_settings = load_settings(build_environment(database_url=url, **overrides))
        demo.statement_compiler = StatementCompiler(detect_installation(effective_settings))
        demo.provider = demo.create_provider()
        yield demo
        await demo.transaction_pool.close()


async def find_renewable_resource(demo: DemoWithProvider, kind: str) -> str:
    """Return the UUID of a renewable resource of an offering of type `kind`."""
    return (
        await demo.find_operable_resources(
            "RENEW_RESOURCE", condition=f"r.state = 2 and o.type = '{kind}'"
        )
    )[0]

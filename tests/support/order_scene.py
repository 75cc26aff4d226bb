"""Transactions in which orders of one resource are placed and approved, and rolled back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.db.access.viewer import Viewer
from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.statement import Statement
from gateway.db.driver.transactions import Transaction
from gateway.db.installation.installation import Installation
from gateway.db.sql.compiler import StatementCompiler
from gateway.marketplace.operations.review_order import approve_pending_order
from gateway.marketplace.orders.place import OrderRequest, place_order
from gateway.marketplace.resource_facts import load_resource_facts
from gateway.marketplace.rows import OrderRow, ResourceRow
from gateway.marketplace.unit_of_work import UnitOfWork

RESOURCE_SQL = """
select r.id, r.project_id, p.customer_id, r.offering_id, o.customer_id,
    (select id from core_user where username = 'member')
from marketplace_resource r join marketplace_offering o on o.id = r.offering_id
join structure_project p on p.id = r.project_id
where o.shared and r.state = 2 and r.plan_id is not null and o.customer_id <> p.customer_id
    and not exists (
        select from marketplace_offeringcomponent c
        where c.offering_id = o.id and c.billing_type = 'usage')
order by r.id limit 1
"""
OFFERING_SQL = "update marketplace_offering set {} where id = :offering_id"
PROJECT_SQL = "update structure_project set {} where id = :project_id"
OPTION_SQL = OFFERING_SQL.format("plugin_options = plugin_options || '{}'")
REVIEWED_BY_PROVIDER = OFFERING_SQL.format(
    "type = 'Marketplace.Basic', billable = true, plugin_options = '{}'"
)
PROJECT_AHEAD = PROJECT_SQL.format("start_date = current_date + 3")
REMOVE_RULES = "delete from marketplace_projectorderautoapproval"
APPROVING_ROLE_SQL = """
insert into permissions_userrole (uuid, created, user_id, role_id, content_type_id, object_id,
    is_active)
select gen_random_uuid(), now(), u.id, r.id, r.content_type_id, {}, true
from core_user u, permissions_role r where u.username = '{}' and r.name = '{}'
"""
APPROVE = "ORDER.APPROVE project {project}"
APPROVE_PRIVATE = "ORDER.APPROVE_PRIVATE project {project}"


@dataclass(frozen=True)
class Place:
    """The resource that orders are placed for, with the keys of what it belongs to."""

    resource: int
    project: int
    customer: int
    offering: int
    provider: int
    user: int
    """The user who places the orders."""

    def build_viewer(self, *grants: str, is_staff: bool = False) -> Viewer:
        """Return the user with permissions or roles on scopes."""
        granted = frozenset(each.format(**vars(self)) for each in grants)
        projects = frozenset({self.project})
        return Viewer(
            self.user,
            "member",
            is_staff=is_staff,
            order_projects=projects,
            permissions=granted,
            roles=granted,
        )


class OrderScene:
    """Transaction in which orders of one resource are placed; it is rolled back."""

    def __init__(self, compiler: StatementCompiler, writer: Transaction, place: Place) -> None:
        self.compiler, self.writer, self.place = compiler, writer, place

    async def run_sql(self, *statements: str) -> None:
        """Run statements whose parameters are keys of the place."""
        keys: dict[str, Any] = {f"{name}_id": key for name, key in vars(self.place).items()}
        for sql in statements:
            await self.writer.execute_statement(Statement.from_named_sql(sql), keys)

    async def place_order(self, viewer: Viewer, **values: Any) -> OrderRow:
        """Place an order for the resource and return it."""
        unit_of_work = UnitOfWork(viewer, self.writer, self.compiler)
        resource = await unit_of_work.load_row(ResourceRow, self.place.resource)
        facts = await load_resource_facts(unit_of_work.unrestricted_loader, resource.id)
        assert facts is not None
        request = OrderRequest(
            **{"attributes": {}, "limits": resource.limits, "cost": None, **values}
        )
        order_id = await place_order(unit_of_work, facts, resource, request)
        return await unit_of_work.load_row(OrderRow, order_id)

    async def approve_order(self, viewer: Viewer, order: OrderRow) -> OrderRow:
        """Approve an order and return it."""
        unit_of_work = UnitOfWork(viewer, self.writer, self.compiler)
        await approve_pending_order(unit_of_work, UUID(order.uuid).hex, None)
        return await unit_of_work.load_row(OrderRow, order.id)


@asynccontextmanager
async def open_order_scene(url: str, installation: Installation) -> AsyncIterator[OrderScene]:
    """Yield a scene of a resource whose orders the provider has to review."""
    connection = await ConnectionOptions(url, 10, allow_writes=True).connect()
    async with connection, connection.transaction(force_rollback=True):
        writer = Transaction(connection)
        ((*keys,),) = await writer.execute_statement(Statement(RESOURCE_SQL), {})
        scene = OrderScene(StatementCompiler(installation), writer, Place(*keys))
        await scene.run_sql(REVIEWED_BY_PROVIDER, REMOVE_RULES)
        yield scene

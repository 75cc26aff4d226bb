"""Moving a resource to another project (domain.md §5.5)."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

INVOICED_RESOURCE_SQL = """
select r.uuid, r.id, p.id, p.customer_id, array_agg(distinct v.id)
from marketplace_resource r join structure_project p on p.id = r.project_id
join invoices_invoiceitem i on i.resource_id = r.id and i.project_id = p.id
join invoices_invoice v on v.id = i.invoice_id and v.customer_id = p.customer_id
group by 1, 2, 3, 4 having count(distinct v.id) > 1 order by r.id limit 1
"""
TARGET_PROJECT_SQL = """
select p.uuid, p.id, p.customer_id from structure_project p join structure_customer c
on c.id = p.customer_id where not p.is_removed and not c.blocked and not c.archived
and p.customer_id <> %s order by p.id limit 1
"""
COPY_INVOICE_SQL = """
insert into invoices_invoice select (n).* from (
    select jsonb_populate_record(v, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('invoices_invoice', 'id')), 'uuid', gen_random_uuid(),
        'customer_id', %s::int, 'state', %s::text)) n
    from invoices_invoice v where v.id = %s)
"""


class MoveScene(NamedTuple):
    """A resource with items on invoices of several months, and a project of another customer."""

    resource: str
    id: int
    project: int
    invoice_ids: list[int]
    """Primary keys of the invoices."""
    target: str
    target_id: int
    customer: int
    """Primary key of the other customer."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


@pytest.fixture
def move_scene(demo: MutableDemo) -> MoveScene:
    """Return a movable resource whose invoices are all pending."""
    ((resource, resource_id, project, customer, invoice_ids),) = demo.run_sql(INVOICED_RESOURCE_SQL)
    ((target, target_id, target_customer),) = demo.run_sql(TARGET_PROJECT_SQL, customer)
    demo.run_sql("update invoices_invoice set state = 'pending' where id = any(%s)", invoice_ids)
    demo.run_sql(
        "delete from invoices_invoiceitem i using invoices_invoice v"
        " where v.id = i.invoice_id and v.customer_id = %s",
        target_customer,
    )
    demo.run_sql("delete from invoices_invoice where customer_id = %s", target_customer)
    return MoveScene(
        resource.hex, resource_id, project, invoice_ids, target.hex, target_id, target_customer
    )


async def move_resource(
    demo: MutableDemo, move_scene: MoveScene, project: str | None = None
) -> Any:
    """Move the resource to a project, by default to the target of the scene."""
    return await demo.run_mutation(
        "moveResource", uuid=move_scene.resource, project=project or move_scene.target
    )


@pytest.mark.parametrize("state", ["created", "paid", "canceled"])
@pytest.mark.parametrize("closed_index", [0, -1])
async def test_a_closed_target_invoice_prevents_the_move(
    demo: MutableDemo, move_scene: MoveScene, state: str, closed_index: int
) -> None:
    for invoice_id in move_scene.invoice_ids:
        invoice_state = state if invoice_id == move_scene.invoice_ids[closed_index] else "pending"
        demo.run_sql(COPY_INVOICE_SQL, move_scene.customer, invoice_state, invoice_id)
    digest_before = demo.digest_tables()
    result = await move_resource(demo, move_scene)
    assert (result["__typename"], result["reason"]) == ("NotPossible", "INVOICE_CLOSED")
    assert demo.digest_tables() == digest_before


async def test_items_on_closed_source_invoices_stay(
    demo: MutableDemo, move_scene: MoveScene
) -> None:
    paid_invoice_id, *open_invoice_ids = move_scene.invoice_ids
    demo.run_sql("update invoices_invoice set state = 'paid' where id = %s", paid_invoice_id)
    demo.run_sql(COPY_INVOICE_SQL, move_scene.customer, "paid", paid_invoice_id)
    assert (await move_resource(demo, move_scene))["__typename"] == "ResourceMoved"
    projects_sql = (
        "select distinct project_id from invoices_invoiceitem where resource_id = %s and {}"
    )
    assert demo.run_sql(projects_sql.format("invoice_id = %s"), move_scene.id, paid_invoice_id) == [
        (move_scene.project,)
    ]
    assert open_invoice_ids
    moved_items_sql = (
        "select distinct project_id, customer_id from invoices_invoiceitem join invoices_invoice v"
        " on v.id = invoice_id where resource_id = %s and invoice_id <> %s"
    )
    assert demo.run_sql(moved_items_sql, move_scene.id, paid_invoice_id) == [
        (move_scene.target_id, move_scene.customer)
    ]


@pytest.mark.parametrize(
    ("setup_sql", "problem", "expected_text"),
    [
        (
            "update structure_customer set blocked = true where id = {customer}",
            "NotPossible",
            "CUSTOMER_BLOCKED",
        ),
        (
            "update structure_project set is_removed = true where id = {target_id}",
            "InvalidInput",
            "must be the uuid of a project",
        ),
    ],
)
async def test_blocked_or_removed_targets_are_refused(
    demo: MutableDemo, move_scene: MoveScene, setup_sql: str, problem: str, expected_text: str
) -> None:
    demo.run_sql(setup_sql.format(**move_scene._asdict()))
    digest = demo.digest_tables()
    result = await move_resource(demo, move_scene)
    assert result["__typename"] == problem
    assert expected_text in str(result)
    assert demo.digest_tables() == digest
    demo.run_sql("update structure_customer set blocked = false where id = %s", move_scene.customer)
    demo.run_sql(
        "update structure_project set is_removed = false where id = %s", move_scene.target_id
    )


async def test_archived_target_customers_are_allowed(
    demo: MutableDemo, move_scene: MoveScene
) -> None:
    demo.run_sql("update structure_customer set archived = true where id = %s", move_scene.customer)
    assert (await move_resource(demo, move_scene))["__typename"] == "ResourceMoved"
    demo.run_sql(
        "update structure_customer set archived = false where id = %s", move_scene.customer
    )
    project_sql = "select project_id from marketplace_resource where id = %s"
    assert demo.run_sql(project_sql, move_scene.id) == [(move_scene.target_id,)]


async def test_moves_to_the_same_project_move_nothing(
    demo: MutableDemo, move_scene: MoveScene
) -> None:
    ((project_uuid,),) = demo.run_sql(
        "select uuid from structure_project where id = %s", move_scene.project
    )
    digest_before = demo.digest_tables()
    assert (await move_resource(demo, move_scene, project_uuid.hex))[
        "__typename"
    ] == "ResourceMoved"
    digest_after = demo.digest_tables()
    changed_tables = {name for name in digest_after if digest_after[name] != digest_before[name]}
    assert "public.marketplace_resource" in changed_tables
    assert not changed_tables & {
        "public.reversion_version",
        "public.invoices_invoiceitem",
        "public.quotas_quotausage",
        "public.logging_event",
    }
    project_sql = "select project_id from marketplace_resource where id = %s"
    assert demo.run_sql(project_sql, move_scene.id) == [(move_scene.project,)]


TRACK_STATEMENTS_SQL = """
create function log_statement() returns trigger language plpgsql as $$ begin
    insert into statements values (tg_table_name); return null; end $$;
create table statements (table_name text);
create trigger log_statement after update on marketplace_order
    execute function log_statement();
create trigger log_statement after update on invoices_invoiceitem
    execute function log_statement();
"""
MULTIPLY_ROWS_SQL = """
insert into {0} select (n).* from (
    select jsonb_populate_record(null::{0}, to_jsonb(t) || jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('{0}', 'id')), 'uuid', gen_random_uuid())) n
    from (select * from {0} where resource_id = %s limit 1) t, generate_series(1, 30))
"""
UNTRACK_STATEMENTS_SQL = "drop function log_statement cascade; drop table statements"


async def test_statements_of_a_move_do_not_grow_with_its_rows(
    demo: MutableDemo, move_scene: MoveScene
) -> None:
    for name in ("marketplace_order", "invoices_invoiceitem"):
        demo.run_sql(MULTIPLY_ROWS_SQL.format(name), move_scene.id)
    demo.run_sql(TRACK_STATEMENTS_SQL)
    try:
        assert (await move_resource(demo, move_scene))["__typename"] == "ResourceMoved"
        updated_tables = [name for (name,) in demo.run_sql("select table_name from statements")]
    finally:
        demo.run_sql(UNTRACK_STATEMENTS_SQL)
    assert updated_tables.count("marketplace_order") == 1
    assert updated_tables.count("invoices_invoiceitem") == len(move_scene.invoice_ids)
    unmoved_orders_sql = (
        "select count(*) from marketplace_order where resource_id = %s and project_id <> %s"
    )
    assert demo.run_sql(unmoved_orders_sql, move_scene.id, move_scene.target_id) == [(0,)]

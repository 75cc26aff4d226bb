"""Where a resource can be moved to, and where not: domain.md §5.5."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import NewDatabase
from tests.support.mutable_demo import Changing, changing

MONTHS = """
select r.uuid, r.id, p.id, p.customer_id, array_agg(distinct v.id)
from marketplace_resource r join structure_project p on p.id = r.project_id
join invoices_invoiceitem i on i.resource_id = r.id and i.project_id = p.id
join invoices_invoice v on v.id = i.invoice_id and v.customer_id = p.customer_id
group by 1, 2, 3, 4 having count(distinct v.id) > 1 order by r.id limit 1
"""
TARGET = """
select p.uuid, p.id, p.customer_id from structure_project p join structure_customer c
on c.id = p.customer_id where not p.is_removed and not c.blocked and not c.archived
and p.customer_id <> %s order by p.id limit 1
"""
THEIRS = """
insert into invoices_invoice select (n).* from (
    select jsonb_populate_record(v, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('invoices_invoice', 'id')), 'uuid', gen_random_uuid(),
        'customer_id', %s::int, 'state', %s::text)) n
    from invoices_invoice v where v.id = %s)
"""


class Scene(NamedTuple):
    """A resource with items on invoices of several months, and a project of another customer."""

    resource: str
    id: int
    project: int
    months: list[int]
    """The keys of the invoices."""
    target: str
    target_id: int
    customer: int
    """The key of the other customer."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: NewDatabase) -> AsyncIterator[Changing]:
    """Give a demo that may change."""
    async with changing(new_database()) as made:
        yield made


@pytest.fixture
def scene(demo: Changing) -> Scene:
    """Give a resource that can be moved, with all of its invoices pending."""
    ((resource, id_, project, customer, months),) = demo.sql(MONTHS)
    ((target, target_id, theirs),) = demo.sql(TARGET, customer)
    demo.sql("update invoices_invoice set state = 'pending' where id = any(%s)", months)
    demo.sql(
        "delete from invoices_invoiceitem i using invoices_invoice v"
        " where v.id = i.invoice_id and v.customer_id = %s",
        theirs,
    )
    demo.sql("delete from invoices_invoice where customer_id = %s", theirs)
    return Scene(resource.hex, id_, project, months, target.hex, target_id, theirs)


async def move(demo: Changing, scene: Scene, project: str | None = None) -> Any:
    """Move the resource."""
    return await demo.change("moveResource", uuid=scene.resource, project=project or scene.target)


@pytest.mark.parametrize("state", ["created", "paid", "canceled"])
@pytest.mark.parametrize("closed", [0, -1])
async def test_a_closed_invoice_of_one_month_stops_all(
    demo: Changing, scene: Scene, state: str, closed: int
) -> None:
    for month in scene.months:
        wanted = state if month == scene.months[closed] else "pending"
        demo.sql(THEIRS, scene.customer, wanted, month)
    before = demo.digest()
    came = await move(demo, scene)
    assert (came["__typename"], came["reason"]) == ("NotPossible", "INVOICE_CLOSED")
    assert demo.digest() == before


async def test_what_stands_on_a_closed_invoice_of_ones_own_stays(
    demo: Changing, scene: Scene
) -> None:
    paid, *others = scene.months
    demo.sql("update invoices_invoice set state = 'paid' where id = %s", paid)
    demo.sql(THEIRS, scene.customer, "paid", paid)
    assert (await move(demo, scene))["__typename"] == "ResourceMoved"
    of = "select distinct project_id from invoices_invoiceitem where resource_id = %s and {}"
    assert demo.sql(of.format("invoice_id = %s"), scene.id, paid) == [(scene.project,)]
    assert others
    theirs = (
        "select distinct project_id, customer_id from invoices_invoiceitem join invoices_invoice v"
        " on v.id = invoice_id where resource_id = %s and invoice_id <> %s"
    )
    assert demo.sql(theirs, scene.id, paid) == [(scene.target_id, scene.customer)]


@pytest.mark.parametrize(
    ("before", "problem", "told"),
    [
        (
            "update structure_customer set blocked = true where id = {customer}",
            "NotPossible",
            "CUSTOMER_BLOCKED",
        ),
        (
            "update structure_project set is_removed = true where id = {target_id}",
            "InvalidInput",
            "no such project",
        ),
    ],
)
async def test_a_project_that_takes_nothing_is_refused(
    demo: Changing, scene: Scene, before: str, problem: str, told: str
) -> None:
    demo.sql(before.format(**scene._asdict()))
    digest = demo.digest()
    came = await move(demo, scene)
    assert came["__typename"] == problem
    assert told in str(came)
    assert demo.digest() == digest
    demo.sql("update structure_customer set blocked = false where id = %s", scene.customer)
    demo.sql("update structure_project set is_removed = false where id = %s", scene.target_id)


async def test_an_archived_customer_takes_a_resource(demo: Changing, scene: Scene) -> None:
    demo.sql("update structure_customer set archived = true where id = %s", scene.customer)
    assert (await move(demo, scene))["__typename"] == "ResourceMoved"
    demo.sql("update structure_customer set archived = false where id = %s", scene.customer)
    project = "select project_id from marketplace_resource where id = %s"
    assert demo.sql(project, scene.id) == [(scene.target_id,)]


async def test_a_move_to_the_same_project_moves_nothing(demo: Changing, scene: Scene) -> None:
    ((same,),) = demo.sql("select uuid from structure_project where id = %s", scene.project)
    before = demo.digest()
    assert (await move(demo, scene, same.hex))["__typename"] == "ResourceMoved"
    after = demo.digest()
    changed = {name for name in after if after[name] != before[name]}
    assert "public.reversion_version" in changed
    assert not changed & {
        "public.invoices_invoiceitem",
        "public.quotas_quotausage",
        "public.logging_event",
    }
    project = "select project_id from marketplace_resource where id = %s"
    assert demo.sql(project, scene.id) == [(scene.project,)]


NOTED = """
create function noted() returns trigger language plpgsql as $$ begin
    insert into statements values (tg_table_name); return null; end $$;
create table statements (of text);
create trigger noted after update on marketplace_order execute function noted();
create trigger noted after update on invoices_invoiceitem execute function noted();
"""
MANY = """
insert into {0} select (n).* from (
    select jsonb_populate_record(null::{0}, to_jsonb(t) || jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('{0}', 'id')), 'uuid', gen_random_uuid())) n
    from (select * from {0} where resource_id = %s limit 1) t, generate_series(1, 30))
"""
UNNOTED = "drop function noted cascade; drop table statements"


async def test_a_move_takes_no_more_statements_for_more_rows(demo: Changing, scene: Scene) -> None:
    for name in ("marketplace_order", "invoices_invoiceitem"):
        demo.sql(MANY.format(name), scene.id)
    demo.sql(NOTED)
    try:
        assert (await move(demo, scene))["__typename"] == "ResourceMoved"
        noted = [name for (name,) in demo.sql("select of from statements")]
    finally:
        demo.sql(UNNOTED)
    assert noted.count("marketplace_order") == 1
    assert noted.count("invoices_invoiceitem") == len(scene.months)
    behind = "select count(*) from marketplace_order where resource_id = %s and project_id <> %s"
    assert demo.sql(behind, scene.id, scene.target_id) == [(0,)]

"""Deletion of an ended project after its last resource (domain.md §6.5, rules.md §0)."""
# ruff: noqa: E501 - SQL

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.db import tables
from gateway.db.tables.codes import ResourceState
from gateway.marketplace.rows import ResourceRow
from gateway.marketplace.side_effects import update_resource
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import UnitOfWork
from tests.conftest import DatabaseFactory
from tests.support.demo_with_provider import DemoWithProvider, serve_demo_with_provider

OK, ERRED, UPDATING, TERMINATED = 2, 3, 4, 6
DELETION_EVENTS_SQL = """
select e.message, t.model, f.object_id from logging_event e join logging_feed f on f.event_id = e.id
join django_content_type t on t.id = f.content_type_id
where e.event_type = 'project_deletion_triggered' and e.id in (
    select event_id from logging_feed where object_id = %s and content_type_id =
        (select id from django_content_type where model = 'project'))
"""
CREATE_ORDER_SQL = """
insert into marketplace_order select (n).* from (
    select jsonb_populate_record(o, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('marketplace_order', 'id')), 'uuid', gen_random_uuid(),
        'type', 1, 'state', 1, 'resource_id', r.id, 'project_id', r.project_id, 'offering_id', r.offering_id)) n
    from marketplace_order o, marketplace_resource r where r.uuid = %s limit 1)
returning uuid
"""
CREATE_PROJECT_SQL = """
insert into structure_project select (n).* from (
    select jsonb_populate_record(p, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('structure_project', 'id')), 'uuid', gen_random_uuid(),
        'end_date', current_date - 3, 'grace_period_days', %s::int)) n
    from structure_project p where p.id = (select project_id from marketplace_resource where uuid = %s))
returning id
"""
DELETED, KEPT = (True, 2), (False, 0)
"""Whether a project is removed, and the number of feeds with its deletion."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a mutable demo with its provider."""
    async with serve_demo_with_provider(new_database()) as running_demo:
        yield running_demo


async def terminate_resource(demo: DemoWithProvider, uuid: str) -> None:
    """Set a resource to TERMINATED with all side effects."""

    async def update_state(unit_of_work: UnitOfWork) -> None:
        resource_id = await unit_of_work.find_visible_id(tables.resource, uuid)
        await unit_of_work.writer.lock_rows(tables.resource, resource_id)
        resource = await unit_of_work.load_row(ResourceRow, resource_id)
        state = ColumnValues(ResourceRow, state=ResourceState.TERMINATED)
        await update_resource(unit_of_work, resource, state)

    await demo.run_as_staff(update_state)


async def create_ended_project(
    demo: DemoWithProvider, grace_days: int | None
) -> tuple[int, list[str]]:
    """Return the key of a project that ended three days ago, and the uuids of its two resources."""
    uuids = await demo.find_operable_resources("MOVE_RESOURCE", condition="r.state = 2")
    first_uuid, second_uuid = uuids[:2]
    ((project_id,),) = demo.run_sql(CREATE_PROJECT_SQL, grace_days, first_uuid)
    for uuid in (first_uuid, second_uuid):
        demo.run_sql(
            "update marketplace_resource set project_id = %s where uuid = %s", project_id, uuid
        )
    return project_id, [first_uuid, second_uuid]


def load_removal(demo: DemoWithProvider, project_id: int) -> tuple[bool, int]:
    """Return whether a project is removed, and in how many feeds its deletion is logged."""
    removal_sql = "select is_removed from structure_project where id = %s"
    ((is_removed,),) = demo.run_sql(removal_sql, project_id)
    return is_removed, len(demo.run_sql(DELETION_EVENTS_SQL, project_id))


async def test_an_ended_project_is_deleted_after_its_last_resource(
    demo: DemoWithProvider,
) -> None:
    project_id, (first_uuid, second_uuid) = await create_ended_project(demo, grace_days=3)
    await terminate_resource(demo, first_uuid)
    assert load_removal(demo, project_id) == KEPT
    await terminate_resource(demo, second_uuid)
    assert load_removal(demo, project_id) == DELETED
    project_sql = "select name, customer_id from structure_project where id = %s"
    ((name, customer_id),) = demo.run_sql(project_sql, project_id)
    message = f"Project {name} is going to be deleted because end date has been reached and there are no active resources."
    assert {*demo.run_sql(DELETION_EVENTS_SQL, project_id)} == {
        (message, "project", project_id),
        (message, "customer", customer_id),
    }


@pytest.mark.parametrize("other_state", [OK, ERRED, UPDATING, TERMINATED])
async def test_erred_resources_do_not_hold_an_ended_project(
    demo: DemoWithProvider, other_state: int
) -> None:
    project_id, (uuid, other_uuid) = await create_ended_project(demo, grace_days=None)
    demo.run_sql("update structure_customer set grace_period_days = null")
    demo.run_sql(
        "update marketplace_resource set state = %s where uuid = %s", other_state, other_uuid
    )
    await terminate_resource(demo, uuid)
    expected = DELETED if other_state in (ERRED, TERMINATED) else KEPT
    assert load_removal(demo, project_id) == expected


async def test_a_project_in_its_grace_period_stays(demo: DemoWithProvider) -> None:
    project_id, uuids = await create_ended_project(demo, grace_days=4)
    for uuid in uuids:
        await terminate_resource(demo, uuid)
    assert load_removal(demo, project_id) == KEPT


async def test_of_two_resources_that_end_at_once_one_is_the_last(demo: DemoWithProvider) -> None:
    project_id, uuids = await create_ended_project(demo, grace_days=0)
    await asyncio.gather(*(terminate_resource(demo, each) for each in uuids))
    assert load_removal(demo, project_id) == DELETED


async def test_a_rejected_creation_deletes_an_ended_project(demo: DemoWithProvider) -> None:
    project_id, (uuid, other_uuid) = await create_ended_project(demo, grace_days=0)
    demo.run_sql("update marketplace_resource set state = 6 where uuid = %s", other_uuid)
    demo.run_sql("update marketplace_resource set state = 1 where uuid = %s", uuid)
    ((order,),) = demo.run_sql(CREATE_ORDER_SQL, uuid)
    result = await demo.run_mutation("rejectOrder", uuid=order.hex)
    assert result["__typename"] == "OrderRejected", result
    assert demo.load_resource_row(uuid)["state"] == TERMINATED
    assert load_removal(demo, project_id) == DELETED

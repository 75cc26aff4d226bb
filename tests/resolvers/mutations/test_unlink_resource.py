"""Unlinking a resource: its record is deleted with what refers to it (rules.md §1)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.db import tables
from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

STATES = {"CREATING": 1, "OK": 2, "ERRED": 3, "UPDATING": 4, "TERMINATING": 5, "TERMINATED": 6}
USERNAMES = ("support", "owner", "manager", "admin", "member", "provider", "service_manager")
REFERRING_TABLES = {
    "marketplace_componentquota",
    "marketplace_componentusage",
    "marketplace_order",
    "marketplace_resourceaccessendpoint",
    "marketplace_resourceplanperiod",
    "marketplace_robotaccount",
}
"""Tables whose rows are deleted with their resource, of which the demo has some."""
COPY_ROW_SQL = """
insert into {0} select (jsonb_populate_record(t, jsonb_build_object(
    'id', nextval(pg_get_serial_sequence('{0}', 'id')), 'uuid', gen_random_uuid(),
    'resource_id', %s::int))).* from {0} t limit 1
"""
"""Copy a row of a table for a resource."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


async def find_resource(demo: MutableDemo, condition: str = "true") -> tuple[str, int]:
    """Return UUID and key of a resource that staff can unlink."""
    uuid = (await demo.find_operable_resources("UNLINK_RESOURCE", condition=condition))[0]
    ((resource_id,),) = demo.run_sql("select id from marketplace_resource where uuid = %s", uuid)
    return uuid, resource_id


async def unlink_resource(demo: MutableDemo, uuid: str, username: str = "staff") -> Any:
    """Unlink a resource and return the result."""
    return await demo.run_mutation("unlinkResource", username, uuid=uuid)


def count_rows(demo: MutableDemo, condition: str = "true") -> dict[str, int]:
    """Return the number of rows that match, of each table that refers to resources."""
    return {
        name: demo.run_sql(f"select count(*) from {name} where {condition}")[0][0]
        for name in REFERRING_TABLES
    }


async def test_a_resource_is_deleted_with_what_refers_to_it(demo: MutableDemo) -> None:
    """Items of invoices and child resources remain."""
    uuid, resource_id = await find_resource(demo)
    own_rows = count_rows(demo, f"resource_id = {resource_id}")
    for name in [name for name, count in own_rows.items() if not count]:
        demo.run_sql(COPY_ROW_SQL.format(name), resource_id)
    assert all(count_rows(demo, f"resource_id = {resource_id}").values())
    demo.run_sql(
        "update invoices_invoiceitem set resource_id = %s, name = 'Kept text'"
        " where id = (select min(id) from invoices_invoiceitem)",
        resource_id,
    )
    demo.run_sql(
        "update marketplace_resource set parent_id = %s"
        " where id = (select max(id) from marketplace_resource)",
        resource_id,
    )
    others_before = count_rows(demo, f"resource_id <> {resource_id}")
    result = await unlink_resource(demo, uuid)
    assert result == {"__typename": "ResourceUnlinked", "resource": None, "order": None}
    assert count_rows(demo) == others_before
    kept_items = "select resource_id from invoices_invoiceitem where name = 'Kept text'"
    assert demo.run_sql(kept_items) == [(None,)]
    newest_sql = "select parent_id from marketplace_resource order by id desc limit 1"
    assert demo.run_sql(newest_sql) == [(None,)]
    assert (await unlink_resource(demo, uuid))["__typename"] == "NotFound"


async def test_the_deletion_is_logged_and_counted(demo: MutableDemo) -> None:
    uuid, resource_id = await find_resource(demo)
    (project,) = demo.run_sql(
        "select p.id, p.customer_id from structure_project p"
        " join marketplace_resource r on r.project_id = p.id where r.id = %s",
        resource_id,
    )
    await unlink_resource(demo, uuid)
    quotas = demo.run_sql(
        "select object_id, delta from quotas_quotausage where name = 'nc_resource_count'"
        " order by id desc limit 2"
    )
    assert {*quotas} == {(project[0], -1), (project[1], -1)}
    events = demo.run_sql(
        "select e.event_type, array_agg(f.object_id order by f.id) from logging_event e"
        " join logging_feed f on f.event_id = e.id"
        " where e.id = (select max(id) from logging_event) group by 1"
    )
    assert events == [("marketplace_resource_unlinked", [resource_id, *project])]


async def test_the_object_of_the_plugin_is_deleted(demo: MutableDemo) -> None:
    """Machines of a tenant are deleted with it, and their resources have no object any longer."""
    uuid, resource_id = await find_resource(
        demo,
        "o.type = 'OpenStack.Tenant'"
        " and exists (select from openstack_instance i where i.tenant_id = r.object_id)",
    )
    ((tenant_id,),) = demo.run_sql(
        "select object_id from marketplace_resource where id = %s", resource_id
    )
    instance_sql = "select count(*) from openstack_instance where tenant_id = %s"
    assert demo.run_sql(instance_sql, tenant_id) != [(0,)]
    ((resource_count,),) = demo.run_sql("select count(*) from marketplace_resource")
    assert (await unlink_resource(demo, uuid))["__typename"] == "ResourceUnlinked"
    assert demo.run_sql("select from openstack_tenant where id = %s", tenant_id) == []
    assert demo.run_sql(instance_sql, tenant_id) == [(0,)]
    assert demo.run_sql("select count(*) from marketplace_resource") == [(resource_count - 1,)]
    query = "{ resources(first: 300) { nodes { uuid backend { uuid } parent { uuid } } } }"
    assert "errors" not in await demo.client.execute_query(query, "staff")


@pytest.mark.parametrize("state", STATES)
async def test_only_staff_unlink_in_any_state(demo: MutableDemo, state: str) -> None:
    uuid, _ = await find_resource(demo)
    demo.run_sql("update marketplace_resource set state = %s where uuid = %s", STATES[state], uuid)
    query = "query ($uuid: UUID!) { resource(uuid: $uuid) { allowedOperations } }"
    digest = demo.digest_tables()
    for username in USERNAMES:
        resource = (await demo.client.execute_query(query, username, uuid=uuid))["data"]["resource"]
        result = await unlink_resource(demo, uuid, username)
        assert result["__typename"] == ("NotPermitted" if resource else "NotFound"), username
        assert not resource or "UNLINK_RESOURCE" not in resource["allowedOperations"]
    assert (await demo.run_mutation("unlinkResource", None, uuid=uuid))["__typename"] == (
        "NotPermitted"
    )
    assert demo.digest_tables() == digest
    assert (await unlink_resource(demo, uuid))["__typename"] == "ResourceUnlinked"


async def test_an_outdated_resource_is_kept(demo: MutableDemo) -> None:
    uuid, _ = await find_resource(demo)
    digest = demo.digest_tables()
    result = await demo.run_mutation("unlinkResource", uuid=uuid, ifModified="2001-01-01T00:00:00Z")
    assert result["__typename"] == "Conflict"
    assert demo.digest_tables() == digest


async def test_of_concurrent_changes_those_after_the_deletion_find_nothing(
    demo: MutableDemo,
) -> None:
    for _ in range(5):
        uuid, _ = await find_resource(demo)
        results = await asyncio.gather(
            unlink_resource(demo, uuid),
            unlink_resource(demo, uuid),
            demo.run_mutation("setResourceSlug", uuid=uuid, slug="last"),
        )
        names = [each["__typename"] for each in results]
        assert sorted(names[:2]) == ["NotFound", "ResourceUnlinked"]
        assert names[2] in ("ResourceUpdated", "NotFound")


def test_each_reference_to_resources_is_known() -> None:
    """A new table is deleted with its resource if its foreign key may not be null."""
    cleared_names, deleted_names = (
        {
            (table.name, column.name)
            for table in tables.metadata.sorted_tables
            for column in table.c
            if column.references(tables.resource.c.id)
            and (column.nullable and "cascade" not in column.info) is is_cleared
        }
        for is_cleared in (True, False)
    )
    other_names = {"marketplace_resourceproject", "policy_projectestimatedcostpolicy"}
    assert {name for name, _ in deleted_names} == REFERRING_TABLES | other_names
    assert cleared_names == {
        ("invoices_invoiceitem", "resource_id"),
        ("marketplace_resource", "parent_id"),
    }

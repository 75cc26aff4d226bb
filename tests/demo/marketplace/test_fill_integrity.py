"""The demo marketplace holds together: nothing is missing, and references lead to rows."""

import json

import psycopg
import pytest
from sqlalchemy import Table

from gateway.db import tables
from tests.support.demo_queries import every

TABLES = tables.metadata.sorted_tables
GENERIC = [each for each in TABLES if {"content_type_id", "object_id"} <= {*each.c.keys()}]


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_what_must_have_a_value_has_one(rows: psycopg.Connection, table: Table) -> None:
    wanted = [each.name for each in table.c if not each.nullable and not each.system]
    absent = " or ".join(f'"{name}" is null' for name in wanted)
    assert every(rows, f"select exists (select from {table.name} where {absent})") == {False}
    refused = every(
        rows,
        """select attname from pg_attribute
           where attrelid = %s::regclass and attnum > 0 and attnotnull""",
        table.name,
    )
    assert refused == {*wanted}


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_references_lead_to_rows(rows: psycopg.Connection, table: Table) -> None:
    for key in table.foreign_keys:
        if key.parent.system:
            continue
        column, target = key.parent.name, key.column.table.name
        dangling = f"""select t.{column} from {table.name} t left join {target} o
            on o.id = t.{column} where t.{column} is not null and o.id is null"""
        assert every(rows, dangling) == set(), column


@pytest.mark.parametrize("table", GENERIC, ids=str)
def test_generic_references_lead_to_rows(rows: psycopg.Connection, table: Table) -> None:
    kinds = rows.execute(
        f"""select distinct c.id, app_label || '_' || model from {table.name} t
            join django_content_type c on c.id = t.content_type_id
            where t.object_id is not null""".encode()
    ).fetchall()
    if table.name in USED:
        assert kinds
    for kind, target in kinds:
        dangling = f"""select t.object_id from {table.name} t
            left join {target} o on o.id = t.object_id::integer
            where t.content_type_id = {kind} and t.object_id is not null and o.id is null"""
        assert every(rows, dangling) == set(), target


USED = {
    "logging_feed",
    "marketplace_offering",
    "marketplace_resource",
    "permissions_userrole",
    "quotas_quotalimit",
    "quotas_quotausage",
    "reversion_version",
    "structure_servicesettings",
}
"""The tables whose generic references are in use."""


@pytest.mark.parametrize(
    "wrong",
    [
        # What a resource, an order or a usage refers to belongs together.
        """select r.id from marketplace_resource r join marketplace_plan p on p.id = r.plan_id
           where p.offering_id <> r.offering_id""",
        """select o.id from marketplace_order o join marketplace_resource r on r.id = o.resource_id
           where (o.offering_id, o.project_id) <> (r.offering_id, r.project_id)""",
        """select o.id from marketplace_order o
           join marketplace_plan p on p.id in (o.plan_id, o.old_plan_id)
           where p.offering_id <> o.offering_id""",
        """select u.id from marketplace_componentusage u
           join marketplace_resource r on r.id = u.resource_id
           join marketplace_offeringcomponent c on c.id = u.component_id
           where c.offering_id <> r.offering_id""",
        """select u.id from marketplace_componentusage u
           join marketplace_resourceplanperiod p on p.id = u.plan_period_id
           where p.resource_id <> u.resource_id
           or u.date not between p.start and coalesce(p."end", 'infinity')""",
        """select r.id from marketplace_resource r
           join marketplace_resourceplanperiod p on p.resource_id = r.id and p."end" is null
           where p.plan_id <> r.plan_id or r.state = 6""",
        # Nothing pends at a resource that nothing happens to.
        """select r.id from marketplace_resource r
           join marketplace_order o on o.resource_id = r.id and o.state in (1, 2, 7, 8, 9)
           where r.state in (2, 3, 6)""",
        """select resource_id from marketplace_order where state in (1, 2, 7, 8, 9)
           group by resource_id having count(*) > 1""",
        """select resource_id from marketplace_resourceplanperiod where "end" is null
           group by resource_id having count(*) > 1""",
        """select v.id from openstack_volume v join openstack_instance i on i.id = v.instance_id
           where v.tenant_id <> i.tenant_id""",
        """select o.id from marketplace_order o
           where exists (select from jsonb_object_keys(o.limits) k where not exists (
               select from marketplace_offeringcomponent c
               where c.offering_id = o.offering_id and c.type = k))""",
    ],
)
def test_what_belongs_together_is_together(rows: psycopg.Connection, wrong: str) -> None:
    assert every(rows, wrong) == set()


def test_limits_are_within_their_bounds(rows: psycopg.Connection) -> None:
    beyond = """
        select l.key from marketplace_resource r, jsonb_each_text(r.limits) l,
        marketplace_offeringcomponent c where c.offering_id = r.offering_id and c.type = l.key
        and not l.value::numeric between coalesce(c.min_value, 0) and coalesce(c.max_value, 1e9)
    """
    assert every(rows, beyond) == set()


def test_what_is_stored_as_text_is_json(rows: psycopg.Connection) -> None:
    texts = """select serialized_data from reversion_version
        union all select value from constance_config"""
    assert all(json.loads(each) for each in every(rows, texts))

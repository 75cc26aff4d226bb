"""Tests of the demo's integrity: required values, references, and rules between rows."""

import json

import psycopg
import pytest
from sqlalchemy import Table

from gateway.db import tables
from tests.support.demo_queries import fetch_values

ALL_TABLES = tables.metadata.sorted_tables
GENERIC_REFERENCE_TABLES = [
    each for each in ALL_TABLES if {"content_type_id", "object_id"} <= {*each.c.keys()}
]


@pytest.mark.parametrize("table", ALL_TABLES, ids=str)
def test_required_columns_have_values(demo_connection: psycopg.Connection, table: Table) -> None:
    required_columns = [each.name for each in table.c if not each.nullable and not each.system]
    null_condition = " or ".join(f'"{name}" is null' for name in required_columns)
    assert fetch_values(
        demo_connection, f"select exists (select from {table.name} where {null_condition})"
    ) == {False}
    not_null_columns = fetch_values(
        demo_connection,
        """select attname from pg_attribute
           where attrelid = %s::regclass and attnum > 0 and attnotnull""",
        table.name,
    )
    assert not_null_columns == {*required_columns}


@pytest.mark.parametrize("table", ALL_TABLES, ids=str)
def test_foreign_keys_refer_to_rows(demo_connection: psycopg.Connection, table: Table) -> None:
    for foreign_key in table.foreign_keys:
        if foreign_key.parent.system:
            continue
        column, target = foreign_key.parent.name, foreign_key.column.table.name
        dangling_sql = f"""select t.{column} from {table.name} t left join {target} o
            on o.id = t.{column} where t.{column} is not null and o.id is null"""
        assert fetch_values(demo_connection, dangling_sql) == set(), column


@pytest.mark.parametrize("table", GENERIC_REFERENCE_TABLES, ids=str)
def test_generic_references_refer_to_rows(
    demo_connection: psycopg.Connection, table: Table
) -> None:
    content_types = demo_connection.execute(
        f"""select distinct c.id, app_label || '_' || model from {table.name} t
            join django_content_type c on c.id = t.content_type_id
            where t.object_id is not null""".encode()
    ).fetchall()
    if table.name in USED_REFERENCE_TABLES:
        assert content_types
    for content_type_id, target in content_types:
        dangling_sql = f"""select t.object_id from {table.name} t
            left join {target} o on o.id = t.object_id::integer
            where t.content_type_id = {content_type_id} and t.object_id is not null
            and o.id is null"""
        assert fetch_values(demo_connection, dangling_sql) == set(), target


USED_REFERENCE_TABLES = {
    "logging_feed",
    "marketplace_offering",
    "marketplace_resource",
    "permissions_userrole",
    "quotas_quotalimit",
    "quotas_quotausage",
    "reversion_version",
    "structure_servicesettings",
}
"""Tables that have generic references in the demo."""


@pytest.mark.parametrize(
    "violations_sql",
    [
        # The plan, offering and project of a resource, an order or a usage are consistent.
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
        # Only a resource in a transient state has a pending order or an open period, one at most.
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
def test_related_rows_are_consistent(
    demo_connection: psycopg.Connection, violations_sql: str
) -> None:
    assert fetch_values(demo_connection, violations_sql) == set()


def test_limits_are_within_their_bounds(demo_connection: psycopg.Connection) -> None:
    out_of_bounds_sql = """
        select l.key from marketplace_resource r, jsonb_each_text(r.limits) l,
        marketplace_offeringcomponent c where c.offering_id = r.offering_id and c.type = l.key
        and not l.value::numeric between coalesce(c.min_value, 0) and coalesce(c.max_value, 1e9)
    """
    assert fetch_values(demo_connection, out_of_bounds_sql) == set()


def test_text_columns_contain_json(demo_connection: psycopg.Connection) -> None:
    texts_sql = """select serialized_data from reversion_version
        union all select value from constance_config"""
    assert all(json.loads(each) for each in fetch_values(demo_connection, texts_sql))

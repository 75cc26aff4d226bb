"""Tests of the demo's variety: every type, state, flag and role occurs."""

from typing import Any

import psycopg
import pytest

from tests.support.demo_queries import count_rows, fetch_values


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("state from marketplace_resource", set(range(1, 7))),
        ("state from marketplace_offering", set(range(1, 6))),
        ("state from marketplace_order", set(range(1, 10))),
        ("type from marketplace_order", set(range(1, 5))),
        ("state from marketplace_offeringuser", set(range(1, 11))),
        ("state from marketplace_robotaccount", set(range(1, 7))),
        (
            "billing_type from marketplace_offeringcomponent",
            {"fixed", "usage", "limit", "one", "few"},
        ),
        (
            "limit_period from marketplace_offeringcomponent",
            {None, "month", "quarterly", "annual", "total"},
        ),
        (
            "unit from marketplace_plan",
            {"month", "quarter", "half_month", "day", "hour", "quantity"},
        ),
        ("state from invoices_invoice", {"pending", "created", "paid", "canceled"}),
        (
            "catalog_type from marketplace_softwarecatalog",
            {"binary_runtime", "source_package", "package_manager"},
        ),
        (
            "type from marketplace_offering",
            {
                "Marketplace.Basic",
                "Marketplace.Booking",
                "Marketplace.Rancher",
                "Marketplace.Script",
                "Marketplace.Slurm",
                "OpenStack.Instance",
                "OpenStack.Tenant",
                "OpenStack.Volume",
                "SlurmInvoices.SlurmPackage",
                "Support.OfferingTemplate",
                "VMware.VirtualMachine",
                "Waldur.RemoteOffering",
            },
        ),
        ("is_active from permissions_userrole", {True, False, None}),
        ("is_active from core_user", {True, False}),
        ("is_removed from structure_project", {True, False}),
        ("blocked from structure_customer", {True, False}),
        ("archived from structure_customer", {True, False}),
        ("shared from marketplace_offering", {True, False}),
        ("billable from marketplace_offering", {True, False}),
        ("archived from marketplace_plan", {True, False}),
        ("max_amount is null from marketplace_plan", {True, False}),
        ("is_prepaid from marketplace_offeringcomponent", {True, False}),
        ("is_boolean from marketplace_offeringcomponent", {True, False}),
        ("overage_component_id is null from marketplace_offeringcomponent", {True, False}),
        ("paused from marketplace_resource", {True, False}),
        ("downscaled from marketplace_resource", {True, False}),
        ("restrict_member_access from marketplace_resource", {True, False}),
        ("end_date_requested_by_id is null from marketplace_resource", {True, False}),
        ('"end" is null from marketplace_resourceplanperiod', {True, False}),
        ("instance_id is null from openstack_volume", {True, False}),
    ],
)
def test_has_every_value(
    demo_connection: psycopg.Connection, expression: str, values: set[Any]
) -> None:
    assert fetch_values(demo_connection, f"select {expression}") == values


@pytest.mark.parametrize(
    "source",
    [
        # Offerings.
        "marketplace_offering where not shared and project_id is not null",
        "marketplace_offering where not shared and state = 3",
        "marketplace_offering where not shared and state = 1",
        "marketplace_offering where paused_reason <> ''",
        "marketplace_offering where error_message <> ''",
        "marketplace_offering where secret_options <> '{}'",
        """marketplace_offering o join marketplace_offering p on p.id = o.parent_id
           where o.type = 'OpenStack.Instance' and p.type = 'OpenStack.Tenant'""",
        """marketplace_offering o where parent_id is not null and not exists (
           select from marketplace_plan where offering_id = o.id)
           and exists (select from marketplace_plan where offering_id = o.parent_id)
           and exists (select from marketplace_resource where offering_id = o.id)""",
        "marketplace_offering_organization_groups",
        "marketplace_plan_organization_groups",
        "marketplace_plancomponent where future_price is not null",
        "marketplace_plancomponent where discount_rate is not null",
        "marketplace_offeringaccessendpoint where url like 'ssh://%'",
        "marketplace_offeringaccessendpoint where url like 'ldaps://%'",
        "marketplace_offeringsoftwarecatalog where partition_id is not null",
        "marketplace_offeringsoftwarecatalog where partition_id is null",
        "marketplace_softwarecatalog where update_errors <> ''",
        # Resources, usages, quotas and projects.
        "marketplace_resource where end_date < now()::date - 60",
        "marketplace_resource where end_date between now()::date and now()::date + 45",
        "marketplace_resource where end_date > now()::date + 200",
        "marketplace_resource where end_date is null",
        "marketplace_resource where error_message <> ''",
        "marketplace_resource where attributes ? 'user_password'",
        """marketplace_resource r join marketplace_resource p on p.id = r.parent_id
           join marketplace_offering o on o.id = r.offering_id where o.type like '%Volume'""",
        """marketplace_resource r join marketplace_resource p on p.id = r.parent_id
           join marketplace_offering o on o.id = r.offering_id where o.type like '%Instance'""",
        "marketplace_componentquota where usage > 0",
        "quotas_quotausage where name = 'order_count'",
        "quotas_quotausage where delta < 0",
        "structure_project where end_date < now()::date and grace_period_days > 0",
        "structure_project where start_date > now()::date",
        """marketplace_resource r join structure_project p on p.id = r.project_id
           join structure_accesssubnet s on s.customer_id = p.customer_id
           where family(inet) = 6""",
        # Subnets, roles, users and accounts.
        "structure_accesssubnet where family(inet) = 4",
        "structure_accesssubnet where family(inet) = 6",
        "permissions_userrole where is_active and expiration_time < now()",
        "permissions_userrole where is_active and expiration_time > now()",
        "permissions_userrole where is_active is false and expiration_time < now()",
        "core_user where is_staff and is_support",
        "core_user where is_identity_manager",
        "core_user where token_lifetime is not null",
        "core_user where not is_active and is_admin_deactivated",
        "marketplace_offeringuser where username <> ''",
        "marketplace_offeringuser where service_provider_comment <> ''",
        "marketplace_offeringusergroup_projects",
        "marketplace_robotaccount_users",
    ],
)
def test_has_some_rows(demo_connection: psycopg.Connection, source: str) -> None:
    assert count_rows(demo_connection, source)


def test_every_role_is_granted(demo_connection: psycopg.Connection) -> None:
    unused_roles_sql = """select name from permissions_role r where not exists (
        select from permissions_userrole g join core_user u on u.id = g.user_id
        where g.role_id = r.id and g.is_active and u.is_active)"""
    assert fetch_values(demo_connection, unused_roles_sql) == set()


def test_some_users_have_several_roles(demo_connection: psycopg.Connection) -> None:
    several_types_sql = """(select user_id from permissions_userrole where is_active
        group by user_id having count(distinct content_type_id) > 2) s"""
    assert count_rows(demo_connection, several_types_sql)
    same_scope_sql = """(select user_id from permissions_userrole where is_active
        group by user_id, content_type_id, object_id having count(distinct role_id) > 1) s"""
    assert count_rows(demo_connection, same_scope_sql)

"""Tables of policies: limits of the cost of projects, organisations and offerings, and of usage.

Source: rules.md §0 (§9 cost policies), §1 (set_limits).
"""

from typing import Any

from sqlalchemy import Column, Table, UniqueConstraint

from gateway.db.tables.columns import (
    boolean_column,
    datetime_column,
    foreign_key_column,
    identity_columns,
    integer_column,
    json_column,
    metadata,
    primary_key_column,
    string_column,
    timestamp_columns,
)


def _policy_table(name: str, scope: str, *extra_columns: Column[Any]) -> Table[Any]:
    """Declare the table of the policies whose scopes are rows of the table `scope`."""
    return Table(
        name,
        metadata,
        *identity_columns(),
        *timestamp_columns(),
        boolean_column("has_fired"),
        datetime_column("fired_datetime", null=True),
        foreign_key_column("created_by_id", "core_user", null=True),
        json_column("options", since=2025),
        string_column("actions"),
        foreign_key_column("scope_id", scope),
        integer_column("limit_cost"),
        integer_column("period"),
        *extra_columns,
    )


project_cost_policy = _policy_table(
    "policy_projectestimatedcostpolicy",
    "structure_project",
    foreign_key_column("resource_id", "marketplace_resource", null=True, since=2026, cascade=True),
    boolean_column("use_credit", since=2026),
)

customer_cost_policy = _policy_table("policy_customerestimatedcostpolicy", "structure_customer")

offering_cost_policy = _policy_table(
    "policy_offeringestimatedcostpolicy",
    "marketplace_offering",
    boolean_column("apply_to_all", since=2025),
)

offering_cost_policy_group = Table(
    "policy_offeringestimatedcostpolicy_organization_groups",
    metadata,
    primary_key_column(),
    foreign_key_column("offeringestimatedcostpolicy_id", "policy_offeringestimatedcostpolicy"),
    foreign_key_column("organizationgroup_id", "structure_organizationgroup"),
    UniqueConstraint("offeringestimatedcostpolicy_id", "organizationgroup_id"),
)

slurm_usage_policy = Table(
    "policy_slurmperiodicusagepolicy",
    metadata,
    *identity_columns(),
    *timestamp_columns(),
    foreign_key_column("scope_id", "marketplace_offering"),
    info={"since": 2026},
)

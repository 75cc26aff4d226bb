"""The accounts that people and machines have in offerings (domain.md §1.10)."""

from sqlalchemy import Table, UniqueConstraint

from gateway.db.tables.columns import (
    flag,
    identity,
    json,
    key,
    metadata,
    number,
    reference,
    string,
    text,
    timestamps,
    url,
)

offering_user = Table(
    "marketplace_offeringuser",
    metadata,
    *identity(),
    *timestamps(),
    reference("offering_id", "marketplace_offering"),
    reference("user_id", "core_user"),
    string("username", 100, null=True),
    flag("is_restricted"),
    json("backend_metadata"),
    number("state", since=2025),
    string("runtime_state", 50, since=2025),
    text("service_provider_comment", since=2025),
    url("service_provider_comment_url", since=2025),
    UniqueConstraint("offering_id", "user_id"),
)

offering_user_group = Table(
    "marketplace_offeringusergroup",
    metadata,
    key(),
    *timestamps(),
    reference("offering_id", "marketplace_offering"),
    json("backend_metadata"),
)

offering_user_group_project = Table(
    "marketplace_offeringusergroup_projects",
    metadata,
    key(),
    reference("offeringusergroup_id", "marketplace_offeringusergroup"),
    reference("project_id", "structure_project"),
    UniqueConstraint("offeringusergroup_id", "project_id"),
)

robot_account = Table(
    "marketplace_robotaccount",
    metadata,
    *identity(),
    *timestamps(),
    reference("resource_id", "marketplace_resource"),
    string("type", 5),
    string("username", 32),
    json("keys"),
    string("backend_id"),
    json("backend_metadata"),
    reference("responsible_user_id", "core_user", null=True),
    number("state", since=2025),
    UniqueConstraint("resource_id", "type"),
)

robot_account_user = Table(
    "marketplace_robotaccount_users",
    metadata,
    key(),
    reference("robotaccount_id", "marketplace_robotaccount"),
    reference("user_id", "core_user"),
    UniqueConstraint("robotaccount_id", "user_id"),
)

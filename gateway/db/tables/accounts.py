"""Tables of accounts of users and robots in offerings (domain.md §1.10)."""

from sqlalchemy import Table, UniqueConstraint

from gateway.db.tables.columns import (
    boolean_column,
    foreign_key_column,
    identity_columns,
    integer_column,
    json_column,
    metadata,
    primary_key_column,
    string_column,
    text_column,
    timestamp_columns,
    url_column,
)

offering_user = Table(
    "marketplace_offeringuser",
    metadata,
    *identity_columns(),
    *timestamp_columns(),
    foreign_key_column("offering_id", "marketplace_offering"),
    foreign_key_column("user_id", "core_user"),
    string_column("username", 100, null=True),
    boolean_column("is_restricted"),
    json_column("backend_metadata"),
    integer_column("state", since=2025),
    string_column("runtime_state", 50, since=2025),
    text_column("service_provider_comment", since=2025),
    url_column("service_provider_comment_url", since=2025),
    UniqueConstraint("offering_id", "user_id"),
)

offering_user_group = Table(
    "marketplace_offeringusergroup",
    metadata,
    primary_key_column(),
    *timestamp_columns(),
    foreign_key_column("offering_id", "marketplace_offering"),
    json_column("backend_metadata"),
)

offering_user_group_project = Table(
    "marketplace_offeringusergroup_projects",
    metadata,
    primary_key_column(),
    foreign_key_column("offeringusergroup_id", "marketplace_offeringusergroup"),
    foreign_key_column("project_id", "structure_project"),
    UniqueConstraint("offeringusergroup_id", "project_id"),
)

robot_account = Table(
    "marketplace_robotaccount",
    metadata,
    *identity_columns(),
    *timestamp_columns(),
    foreign_key_column("resource_id", "marketplace_resource"),
    string_column("type", 5),
    string_column("username", 32),
    json_column("keys"),
    string_column("backend_id"),
    json_column("backend_metadata"),
    foreign_key_column("responsible_user_id", "core_user", null=True),
    integer_column("state", since=2025),
    UniqueConstraint("resource_id", "type"),
)

robot_account_user = Table(
    "marketplace_robotaccount_users",
    metadata,
    primary_key_column(),
    foreign_key_column("robotaccount_id", "marketplace_robotaccount"),
    foreign_key_column("user_id", "core_user"),
    UniqueConstraint("robotaccount_id", "user_id"),
)

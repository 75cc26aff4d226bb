"""Tables of settings, quotas, events, version histories and invoices (domain.md §1.0, §1.16)."""

from sqlalchemy import BigInteger, Index, Numeric, SmallInteger, Table, UniqueConstraint, Uuid

from gateway.db.tables.columns import (
    date_column,
    datetime_column,
    declare_column,
    foreign_key_column,
    identity_columns,
    json_column,
    metadata,
    money_column,
    non_negative_column,
    primary_key_column,
    scope_columns,
    string_column,
    text_column,
    url_column,
)

constance = Table(
    "constance_config",
    metadata,
    primary_key_column(),
    string_column("key", unique=True),
    text_column("value", null=True),
)

quota_limit = Table(
    "quotas_quotalimit",
    metadata,
    primary_key_column(),
    string_column("name", 150, index=True),
    declare_column("value", BigInteger()),
    *scope_columns(),
    UniqueConstraint("name", "content_type_id", "object_id"),
)

quota_usage = Table(
    "quotas_quotausage",
    metadata,
    primary_key_column(),
    string_column("name", 150, index=True),
    declare_column("delta", BigInteger()),
    *scope_columns(),
)

event = Table(
    "logging_event",
    metadata,
    *identity_columns(),
    datetime_column("created", index=True),
    string_column("event_type", 100, index=True),
    text_column("message"),
    json_column("context"),
)

event_feed = Table(
    "logging_feed",
    metadata,
    primary_key_column(),
    foreign_key_column("event_id", "logging_event"),
    foreign_key_column("content_type_id", "django_content_type"),
    non_negative_column("object_id", index=True),
)

revision = Table(
    "reversion_revision",
    metadata,
    primary_key_column(),
    datetime_column("date_created", index=True),
    text_column("comment"),
    foreign_key_column("user_id", "core_user", null=True),
)

version = Table(
    "reversion_version",
    metadata,
    primary_key_column(),
    foreign_key_column("revision_id", "reversion_revision"),
    foreign_key_column("content_type_id", "django_content_type"),
    string_column("object_id", 191),
    string_column("format"),
    text_column("serialized_data"),
    text_column("object_repr"),
    string_column("db", 191),
    UniqueConstraint("db", "content_type_id", "object_id", "revision_id"),
    Index(None, "content_type_id", "db"),
)

invoice = Table(
    "invoices_invoice",
    metadata,
    *identity_columns(),
    foreign_key_column("customer_id", "structure_customer"),
    non_negative_column("year", SmallInteger()),
    non_negative_column("month", SmallInteger()),
    string_column("state", 30),
    date_column("created", null=True),
    date_column("invoice_date", null=True),
    declare_column("tax_percent", Numeric(4, 2)),
    declare_column("total_cost", Numeric(22, 2)),
    declare_column("total_price", Numeric(22, 2)),
    string_column("backend_id"),
    string_column("reference_number", 300),
    url_column("payment_url"),
    UniqueConstraint("customer_id", "month", "year"),
)

invoice_item = Table(
    "invoices_invoiceitem",
    metadata,
    *identity_columns(),
    foreign_key_column("invoice_id", "invoices_invoice"),
    foreign_key_column("resource_id", "marketplace_resource", null=True),
    foreign_key_column("project_id", "structure_project", null=True),
    string_column("project_name", 500),
    string_column("project_uuid", 32),
    text_column("name"),
    string_column("article_code", 30),
    money_column("unit_price"),
    string_column("unit", 30),
    money_column("quantity"),
    string_column("measured_unit", 30),
    datetime_column("start"),
    datetime_column("end"),
    json_column("details"),
    declare_column("backend_uuid", Uuid(), null=True),
    foreign_key_column("credit_id", None, null=True),
)

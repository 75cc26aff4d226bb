"""Settings, quotas, the event log, histories and invoices (domain.md §1.0, §1.16)."""

from sqlalchemy import BigInteger, Index, Numeric, SmallInteger, Table, UniqueConstraint, Uuid

from gateway.db.tables.columns import (
    column,
    day,
    identity,
    json,
    key,
    metadata,
    moment,
    natural,
    price,
    reference,
    scope,
    string,
    text,
    url,
)

constance = Table(
    "constance_config",
    metadata,
    key(),
    string("key", unique=True),
    text("value", null=True),
)

quota_limit = Table(
    "quotas_quotalimit",
    metadata,
    key(),
    string("name", 150, index=True),
    column("value", BigInteger()),
    *scope(),
    UniqueConstraint("name", "content_type_id", "object_id"),
)

quota_usage = Table(
    "quotas_quotausage",
    metadata,
    key(),
    string("name", 150, index=True),
    column("delta", BigInteger()),
    *scope(),
)

event = Table(
    "logging_event",
    metadata,
    *identity(),
    moment("created", index=True),
    string("event_type", 100, index=True),
    text("message"),
    json("context"),
)

event_feed = Table(
    "logging_feed",
    metadata,
    key(),
    reference("event_id", "logging_event"),
    reference("content_type_id", "django_content_type"),
    natural("object_id", index=True),
)

revision = Table(
    "reversion_revision",
    metadata,
    key(),
    moment("date_created", index=True),
    text("comment"),
    reference("user_id", "core_user", null=True),
)

version = Table(
    "reversion_version",
    metadata,
    key(),
    reference("revision_id", "reversion_revision"),
    reference("content_type_id", "django_content_type"),
    string("object_id", 191),
    string("format"),
    text("serialized_data"),
    text("object_repr"),
    string("db", 191),
    UniqueConstraint("db", "content_type_id", "object_id", "revision_id"),
    Index(None, "content_type_id", "db"),
)

invoice = Table(
    "invoices_invoice",
    metadata,
    *identity(),
    reference("customer_id", "structure_customer"),
    natural("year", SmallInteger()),
    natural("month", SmallInteger()),
    string("state", 30),
    day("created", null=True),
    day("invoice_date", null=True),
    column("tax_percent", Numeric(4, 2)),
    column("total_cost", Numeric(22, 2)),
    column("total_price", Numeric(22, 2)),
    string("backend_id"),
    string("reference_number", 300),
    url("payment_url"),
    UniqueConstraint("customer_id", "month", "year"),
)

invoice_item = Table(
    "invoices_invoiceitem",
    metadata,
    *identity(),
    reference("invoice_id", "invoices_invoice"),
    reference("resource_id", "marketplace_resource", null=True),
    reference("project_id", "structure_project", null=True),
    string("project_name", 500),
    string("project_uuid", 32),
    text("name"),
    string("article_code", 30),
    price("unit_price"),
    string("unit", 30),
    price("quantity"),
    string("measured_unit", 30),
    moment("start"),
    moment("end"),
    json("details"),
    column("backend_uuid", Uuid(), null=True),
    reference("credit_id", None, null=True),
)

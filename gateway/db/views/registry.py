"""Registry of the views: derived tables that statements read through WITH clauses.

A view is declared as a SQLAlchemy table, so that the compiler, the joins and the visibility
rules treat it as a table. `VIEW_BUILDERS` has the select behind each. The statement that reads a
view gets it as a common table expression; the database itself has no such view.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import (
    CTE,
    Boolean,
    Column,
    ColumnElement,
    CompoundSelect,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    Numeric,
    Select,
    Table,
    Text,
    Uuid,
    case,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db import tables
from gateway.db.driver.encoding import inline_literal
from gateway.db.installation.version_rules import VersionRules
from gateway.db.tables.columns import BASE_TABLE, SOURCE_COLUMN
from gateway.db.views.backend_objects import select_backend_objects
from gateway.db.views.cost_policies import select_cost_policies
from gateway.db.views.glauth_accounts import select_glauth_records
from gateway.db.views.limited_usage import select_limit_usage
from gateway.db.views.resource_versions import select_resource_versions
from gateway.db.views.restricted_resources import select_restricted_resources
from gateway.db.views.subresource_offerings import select_subresource_offerings
from gateway.db.views.team_members import select_team_members

ViewSelect = Select[Any] | CompoundSelect[Any]
_metadata = MetaData()
_offering, _component = tables.offering.c, tables.component.c
_SECRET_COLUMNS = {"secret_options"}


def _declare_view(name: str, base: Table[Any], *extra_columns: Column[Any]) -> Table[Any]:
    """Return a view with the columns of a base table, except secret ones, and extra columns."""
    columns = [
        Column(
            column.key,
            column.type,
            *[ForeignKey(foreign_key.column) for foreign_key in column.foreign_keys],
            nullable=column.nullable,
            primary_key=column.primary_key,
            info={SOURCE_COLUMN: column},
        )
        for column in base.c
        if column.key not in _SECRET_COLUMNS
    ]
    return Table(name, _metadata, *columns, *extra_columns, info={BASE_TABLE: base})


def _declare_effective_view(name: str, base: Table[Any]) -> Table[Any]:
    """Return a view of an offering's rows, which it inherits from its parent if it has one."""
    return _declare_view(name, base, Column("of_offering_id", Integer, ForeignKey(_offering.id)))


effective_component = _declare_effective_view("effective_component", tables.component)
effective_plan = _declare_effective_view("effective_plan", tables.plan)
subresource_offering = _declare_view(
    "subresource_offering",
    tables.offering,
    Column("of_resource_id", Integer, ForeignKey(tables.resource.c.id)),
)
backend_object = Table(
    "backend_object",
    _metadata,
    Column("resource_id", Integer, ForeignKey(tables.resource.c.id), primary_key=True),
    Column("type", Text, nullable=False),
    Column("uuid", Uuid, nullable=True),
    Column("service_settings_uuid", Uuid, nullable=True),
    Column("details", JSONB, nullable=True),
    info={BASE_TABLE: tables.resource},
)
team_member = Table(
    "team_member",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("resource_id", Integer, ForeignKey(tables.resource.c.id)),
    Column("user_id", Integer, ForeignKey(tables.user.c.id), nullable=False),
    Column("role", Text, nullable=False),
    Column("expiration_time", DateTime(timezone=True), nullable=True),
    Column("offering_user_username", Text, nullable=True),
    Column("state", Integer, nullable=True),
    Column("has_consent", Boolean, nullable=False),
    info={BASE_TABLE: tables.resource},
)
history_entry = Table(
    "history_entry",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("resource_id", Integer, ForeignKey(tables.resource.c.id), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("comment", Text, nullable=False),
    Column("user_id", Integer, ForeignKey(tables.user.c.id), nullable=True),
    Column("serialized", Text, nullable=False),
    info={BASE_TABLE: tables.version},
)
glauth_record = Table(
    "glauth_record",
    _metadata,
    Column("resource_id", Integer),
    Column("kind", Text),
    Column("sort_key", Integer),
    Column("content", JSONB),
    info={BASE_TABLE: tables.resource},
)
limit_usage = Table(
    "limit_usage",
    _metadata,
    Column("resource_id", Integer),
    Column("type", Text),
    Column("usage", Numeric),
    info={BASE_TABLE: tables.component_usage},
)

restricted_resource = Table(
    "restricted_resource",
    _metadata,
    Column("resource_id", Integer),
    info={BASE_TABLE: tables.resource},
)
cost_policy = Table(
    "cost_policy",
    _metadata,
    Column("project_id", Integer),
    Column("offering_id", Integer),
    Column("resource_id", Integer),
    Column("scope", Text),
    Column("actions", Text),
    Column("period", Integer),
    Column("limit_cost", Integer),
    Column("cost", Numeric),
    info={BASE_TABLE: tables.project},
)


def _select_inherited(base: Table[Any], *conditions: ColumnElement[bool]) -> Select[Any]:
    """Return a select of each offering's rows: its parent's if it has a parent, else its own."""
    owner_id = func.coalesce(_offering.parent_id, _offering.id)
    columns = [each.label(each.key) for each in base.c]
    joined = tables.offering.join(base, base.c.offering_id == owner_id)
    statement = select(*columns, _offering.id.label("of_offering_id")).select_from(joined)
    return statement.where(*conditions)


def _is_plugin_component() -> ColumnElement[bool]:
    """Return the condition that the plugin uses a component.

    An OpenStack tenant has either one storage component or one for each volume type.
    """
    stored_mode = _offering.plugin_options.op("->>")(inline_literal("storage_mode"))
    storage_mode = func.coalesce(stored_mode, inline_literal("fixed"))
    built_in = [inline_literal(each) for each in ("cores", "ram", "storage")]
    return or_(
        _offering.type != inline_literal("OpenStack.Tenant"),
        case(
            (storage_mode == inline_literal("fixed"), _component.type.in_(built_in)),
            else_=_component.type != inline_literal("storage"),
        ),
    )


VIEW_BUILDERS: Mapping[Table[Any], Callable[[Collection[Table[Any]], VersionRules], ViewSelect]] = {
    effective_component: lambda _absent, _rules: _select_inherited(
        tables.component, _is_plugin_component()
    ),
    effective_plan: lambda _absent, _rules: _select_inherited(tables.plan),
    subresource_offering: lambda _absent, _rules: select_subresource_offerings(
        each.info[SOURCE_COLUMN] for each in subresource_offering.c if SOURCE_COLUMN in each.info
    ),
    backend_object: lambda absent, _rules: select_backend_objects(absent),
    team_member: lambda absent, _rules: select_team_members(
        has_consents=tables.consent not in absent
    ),
    history_entry: lambda _absent, _rules: select_resource_versions(),
    glauth_record: select_glauth_records,
    limit_usage: lambda _absent, rules: select_limit_usage(rules),
    restricted_resource: lambda absent, _rules: select_restricted_resources(
        has_group_links=tables.customer_organization_group not in absent
    ),
    cost_policy: lambda absent, _rules: select_cost_policies(absent),
}
"""Functions that build each view's select from the missing tables and the version rules.

Source: domain.md §2.9b, §3.5 and §5.20.
"""


def build_view_ctes(
    source_tables: Iterable[Table[Any]], absent_tables: Collection[Table[Any]], rules: VersionRules
) -> list[CTE]:
    """Return the views among some tables as common table expressions.

    They are NOT MATERIALIZED: PostgreSQL would compute a view that is read twice for all rows.
    """
    views = [each for each in dict.fromkeys(source_tables) if each in VIEW_BUILDERS]
    view_ctes = [VIEW_BUILDERS[each](absent_tables, rules).cte(each.name) for each in views]
    return [each.prefix_with("NOT MATERIALIZED", dialect="postgresql") for each in view_ctes]

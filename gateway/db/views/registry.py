"""Tables that nobody stores: selects that statements read from as from tables, by a WITH."""

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
from gateway.db.driver.encoding import constant
from gateway.db.installation.version_rules import Rules
from gateway.db.tables.columns import BASE, OF
from gateway.db.views.backend_objects import backends
from gateway.db.views.glauth_accounts import records
from gateway.db.views.limited_usage import limited_usage
from gateway.db.views.resource_versions import versions
from gateway.db.views.restricted_resources import barred as barred_resources
from gateway.db.views.subresource_offerings import subresource_offerings
from gateway.db.views.team_members import team

Selected = Select[Any] | CompoundSelect[Any]
_metadata = MetaData()
_offering, _component = tables.offering.c, tables.component.c
_SECRET = {"secret_options"}


def _view(name: str, base: Table[Any], *more: Column[Any]) -> Table[Any]:
    """Declare a table with the columns of another but for secret ones, and some more."""
    columns = [
        Column(
            each.key,
            each.type,
            *[ForeignKey(key.column) for key in each.foreign_keys],
            nullable=each.nullable,
            primary_key=each.primary_key,
            info={OF: each},
        )
        for each in base.c
        if each.key not in _SECRET
    ]
    return Table(name, _metadata, *columns, *more, info={BASE: base})


def _effective(name: str, base: Table[Any]) -> Table[Any]:
    """Declare what an offering has of its own, or of its parent if it has one."""
    return _view(name, base, Column("of_offering_id", Integer, ForeignKey(_offering.id)))


effective_component = _effective("effective_component", tables.component)
effective_plan = _effective("effective_plan", tables.plan)
subresource_offering = _view(
    "subresource_offering",
    tables.offering,
    Column("of_resource_id", Integer, ForeignKey(tables.resource.c.id)),
)
backend = Table(
    "backend_object",
    _metadata,
    Column("resource_id", Integer, ForeignKey(tables.resource.c.id), primary_key=True),
    Column("type", Text, nullable=False),
    Column("uuid", Uuid, nullable=True),
    Column("service_settings_uuid", Uuid, nullable=True),
    Column("details", JSONB, nullable=True),
    info={BASE: tables.resource},
)
team_member = Table(
    "team_member",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("resource_id", Integer, ForeignKey(tables.resource.c.id)),
    Column("user_id", Integer, ForeignKey(tables.user.c.id), nullable=False),
    Column("role", Text, nullable=False),
    Column("expiration_time", DateTime(timezone=True), nullable=True),
    Column("username", Text, nullable=True),
    Column("state", Integer, nullable=True),
    Column("has_consent", Boolean, nullable=False),
    info={BASE: tables.resource},
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
    info={BASE: tables.version},
)
glauth_record = Table(
    "glauth_record",
    _metadata,
    Column("resource_id", Integer),
    Column("kind", Text),
    Column("place", Integer),
    Column("told", JSONB),
    info={BASE: tables.resource},
)
limited = Table(
    "limited_usage",
    _metadata,
    Column("resource_id", Integer),
    Column("type", Text),
    Column("usage", Numeric),
    info={BASE: tables.component_usage},
)

barred = Table(
    "barred_resource", _metadata, Column("resource_id", Integer), info={BASE: tables.resource}
)


def _inherited(base: Table[Any], *conditions: ColumnElement[bool]) -> Select[Any]:
    """Select the rows of a table for each offering whose own, or whose parent's, they are."""
    source = func.coalesce(_offering.parent_id, _offering.id)
    columns = [each.label(each.key) for each in base.c]
    joined = tables.offering.join(base, base.c.offering_id == source)
    found = select(*columns, _offering.id.label("of_offering_id")).select_from(joined)
    return found.where(*conditions)


def _metered() -> ColumnElement[bool]:
    """Say which components a plugin uses: a cloud's storage is counted as one, or by its types."""
    given = _offering.plugin_options.op("->>")(constant("storage_mode"))
    mode = func.coalesce(given, constant("fixed"))
    built_in = [constant(each) for each in ("cores", "ram", "storage")]
    return or_(
        _offering.type != constant("OpenStack.Tenant"),
        case(
            (mode == constant("fixed"), _component.type.in_(built_in)),
            else_=_component.type != constant("storage"),
        ),
    )


VIEWS: Mapping[Table[Any], Callable[[Collection[Table[Any]], Rules], Selected]] = {
    effective_component: lambda _absent, _rules: _inherited(tables.component, _metered()),
    effective_plan: lambda _absent, _rules: _inherited(tables.plan),
    subresource_offering: lambda _absent, _rules: subresource_offerings(
        each.info[OF] for each in subresource_offering.c if OF in each.info
    ),
    backend: lambda absent, _rules: backends(absent),
    team_member: lambda absent, _rules: team(consents=tables.consent not in absent),
    history_entry: lambda _absent, _rules: versions(),
    glauth_record: records,
    limited: lambda _absent, rules: limited_usage(rules),
    barred: lambda absent, _rules: barred_resources(
        grouped=tables.customer_organization_group not in absent
    ),
}
"""What the views show, given the tables that are absent and the rules.

See domain.md §2.9b, §3.5 and §5.20.
"""


def ctes(among: Iterable[Table[Any]], absent: Collection[Table[Any]], rules: Rules) -> list[CTE]:
    """Give the views among some tables, as a WITH names them.

    Whoever reads from one twice must not have it made as a whole.
    """
    views = [each for each in dict.fromkeys(among) if each in VIEWS]
    found = [VIEWS[each](absent, rules).cte(each.name) for each in views]
    return [each.prefix_with("NOT MATERIALIZED", dialect="postgresql") for each in found]

"""From a document to a plan: each selection is matched with what its field declares."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import OperationType
from graphql.execution.executor import Executor

from gateway.db.installation.installation import Installation
from gateway.db.query_spec import Seen
from gateway.execution.plan.errors import NotPlannedError, NotReadError
from gateway.execution.plan.nodes import Hidden, Kind, Object, Part, Step
from gateway.execution.planner import lower_connections, lower_fields, lower_roots
from gateway.execution.planner.selections import Selected, Selections
from gateway.schema.framework.connection_field import Pages
from gateway.schema.framework.filtered_lists import Narrowed
from gateway.schema.framework.lookups import Found, Listed
from gateway.schema.framework.relations import Computed, First, Many, One
from gateway.schema.framework.root_computed import Derived
from gateway.schema.types.viewer import Asking, Own

LOWERED: Mapping[type, Callable[[Any, Selected], Part]] = {
    One: lower_fields.one,
    Many: lower_fields.many,
    First: lower_fields.first,
    Computed: lower_fields.computed,
    Narrowed: lower_connections.narrowed,
    Pages: lower_connections.pages,
    Listed: lower_connections.listed,
    Found: lower_roots.found,
    Derived: lower_roots.derived,
    Own: lower_roots.own,
    Asking: lower_roots.asking,
}
"""How the declarations of fields are lowered; whatever else there is, plans don't do."""


def lowered(executor: Executor[Any], installation: Installation) -> Step:
    """Give the step that makes an operation's answer; NotPlannedError if there can't be one."""
    operation, query = executor.operation, executor.schema.query_type
    if operation.operation is not OperationType.QUERY or query is None:
        raise NotReadError(f"a {operation.operation.value}")
    parts = Selections(executor, installation, _field).root(query)
    return Step(Kind.ANSWER, Object(parts, row=False))


def _field(selected: Selected) -> Part:
    """Lower a field; it is null where its row is only referred to and shows it to nobody so."""
    part = _shown(selected)
    shows = selected.place.shows
    if shows is None or selected.name in shows:
        return part
    selected.may_be_null()
    return Hidden(part, Seen(selected.place.path))


def _shown(selected: Selected) -> Part:
    relation = selected.relation
    if relation is None:
        return lower_fields.column(selected)
    if type(relation) not in LOWERED:
        raise NotPlannedError(f"{selected.name}, made by {type(relation).__name__}")
    return LOWERED[type(relation)](relation, selected)

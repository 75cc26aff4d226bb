"""From a document to a plan: each selection is matched with what its field declares."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import OperationType
from graphql.execution.executor import Executor

from gateway.db.installation import Installation
from gateway.db.read import Seen
from gateway.execution import lists, roots, rows
from gateway.execution.parts import Hidden, Object, Part
from gateway.execution.plan import Kind, NotPlannedError, NotReadError, Step
from gateway.execution.selections import Selected, Selections
from gateway.schema.derived import Derived
from gateway.schema.found import Found, Listed
from gateway.schema.narrowed import Narrowed
from gateway.schema.pages import Pages
from gateway.schema.relations import Computed, First, Many, One
from gateway.schema.viewer import Asking, Own

LOWERED: Mapping[type, Callable[[Any, Selected], Part]] = {
    One: rows.one,
    Many: rows.many,
    First: rows.first,
    Computed: rows.computed,
    Narrowed: lists.narrowed,
    Pages: lists.pages,
    Listed: lists.listed,
    Found: roots.found,
    Derived: roots.derived,
    Own: roots.own,
    Asking: roots.asking,
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
        return rows.column(selected)
    if type(relation) not in LOWERED:
        raise NotPlannedError(f"{selected.name}, made by {type(relation).__name__}")
    return LOWERED[type(relation)](relation, selected)

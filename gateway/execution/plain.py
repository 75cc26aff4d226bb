"""Lowering the selections on plain values, which functions make: they have attributes only."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLObjectType, GraphQLUnionType, get_named_type, is_composite_type
from graphql.execution.collect_fields import FieldDetailsList

from gateway.execution.parts import Attribute, Constant, Parts
from gateway.execution.plan import NotPlannedError
from gateway.execution.selections import DEFINITION, Selections
from gateway.schema.relations import RELATION


def plain(type_: Any, details: FieldDetailsList, selections: Selections) -> Parts:
    """Lower what is selected of values of a type, or of each type of a union."""
    types = type_.types if isinstance(type_, GraphQLUnionType) else (type_,)
    return {
        each.extensions[DEFINITION].origin: _attributes(each, details, selections) for each in types
    }


def _attributes(
    type_: GraphQLObjectType, details: FieldDetailsList, selections: Selections
) -> Mapping[str, Constant | Attribute]:
    parts: dict[str, Constant | Attribute] = {}
    for key, name, below in selections.fields(type_, details):
        if name == "__typename":
            parts[key] = Constant(type_.name)
            continue
        field = type_.fields[name]
        definition, inner = field.extensions[DEFINITION], get_named_type(field.type)
        if RELATION in definition.metadata:
            raise NotPlannedError(f"{type_.name}.{name}")
        within = plain(inner, below, selections) if is_composite_type(inner) else None
        parts[key] = Attribute(definition.python_name, field.type, within)
    return parts

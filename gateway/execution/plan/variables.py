"""The variables of an operation: what they are is worked out once, a request only brings values."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLSchema,
    Undefined,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.language import VariableDefinitionNode
from graphql.utilities import coerce_input_value


class Variables:
    """The variables of one operation."""

    def __init__(
        self, schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode]
    ) -> None:
        """Read the `definitions` of an operation that has been validated."""
        self._schema, self._definitions = schema, definitions
        found = [get_variable_signature(schema, each) for each in definitions]
        self._each = [
            (each, each.name, _coercing(each.type))
            for each in found
            if not isinstance(each, GraphQLError)
        ]

    def values(self, given: Mapping[str, Any]) -> VariableValues | None:
        """Give the values, coerced; None if the client made a mistake."""
        sources, coerced = {}, {}
        for signature, name, coerce in self._each:
            if name not in given:
                return self._with_defaults(given)
            value = given[name]
            sources[name] = VariableValueSource(signature, value)
            made = coerced[name] = coerce(value)
            if made is Undefined:
                return None
        return VariableValues(sources, coerced)

    def _with_defaults(self, given: Mapping[str, Any]) -> VariableValues | None:
        """Give the values where some are left out."""
        values = get_variable_values(self._schema, self._definitions, dict(given))
        return values if isinstance(values, VariableValues) else None


def _coercing(type_: Any) -> Callable[[Any], Any]:
    """Give what coerces values to a type, or to Undefined; a leaf's by the shortest way."""
    leaf = get_nullable_type(type_)
    if not is_leaf_type(leaf):
        return lambda value: coerce_input_value(value, type_)
    nothing = Undefined if is_non_null_type(type_) else None

    def coerced(value: Any) -> Any:
        if value is None:
            return nothing
        try:
            return leaf.coerce_input_value(value)
        except Exception:  # noqa: BLE001 - the mistake is told by the reference
            return Undefined

    return coerced

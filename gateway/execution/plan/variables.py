"""The coercion of an operation's variables, prepared once for all requests."""

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
from graphql.execution import get_variable_values
from graphql.language import VariableDefinitionNode
from graphql.utilities import coerce_input_value

from gateway.execution.graphql_core_internals import (
    VariableValues,
    VariableValueSource,
    get_variable_signature,
)


class VariableCoercer:
    """Coercer of the variables of one operation.

    graphql-core resolves the types of the variables for each request; here that is done
    once. Leaf types take a shorter path to the same values. Where a variable is missing,
    so that defaults count, graphql-core's own function coerces all of them.
    """

    def __init__(
        self, schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode]
    ) -> None:
        """Prepare the variable `definitions` of a valid operation."""
        self._schema, self._definitions = schema, definitions
        signatures = [get_variable_signature(schema, definition) for definition in definitions]
        self._coercions = [
            (signature, signature.name, _make_coercion(signature.type))
            for signature in signatures
            if not isinstance(signature, GraphQLError)
        ]

    def coerce_values(self, raw_values: Mapping[str, Any]) -> VariableValues | None:
        """Return the coerced values; None if one of them is invalid."""
        sources, coerced_values = {}, {}
        for signature, name, coerce in self._coercions:
            if name not in raw_values:
                return self._coerce_with_defaults(raw_values)
            value = raw_values[name]
            sources[name] = VariableValueSource(signature, value)
            coerced_value = coerced_values[name] = coerce(value)
            if coerced_value is Undefined:
                return None
        return VariableValues(sources, coerced_values)

    def _coerce_with_defaults(self, raw_values: Mapping[str, Any]) -> VariableValues | None:
        """Return the coerced values with defaults for missing ones; None if one is invalid."""
        values = get_variable_values(self._schema, self._definitions, dict(raw_values))
        return values if isinstance(values, VariableValues) else None


def _make_coercion(type_: Any) -> Callable[[Any], Any]:
    """Return the function that coerces values to a type; it returns Undefined for invalid ones."""
    nullable_type = get_nullable_type(type_)
    if not is_leaf_type(nullable_type):
        return lambda value: coerce_input_value(value, type_)
    null_result = Undefined if is_non_null_type(type_) else None

    def coerce_leaf(value: Any) -> Any:
        if value is None:
            return null_result
        try:
            return nullable_type.coerce_input_value(value)
        except Exception:  # noqa: BLE001 - the reference execution reports it
            return Undefined

    return coerce_leaf

"""The coercion of an operation's variables, prepared once for all requests."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError, GraphQLSchema, Undefined
from graphql.execution import get_variable_values
from graphql.language import VariableDefinitionNode

from gateway.execution.graphql_core_internals import (
    VariableValues,
    VariableValueSource,
    get_variable_signature,
)
from gateway.execution.plan.input_coercion import Coercion, compile_coercion


class VariableCoercer:
    """Coercer of the variables of one operation.

    graphql-core resolves the types of the variables, and their defaults, for each request;
    here that is done once. The values are the same.
    """

    def __init__(
        self, schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode]
    ) -> None:
        """Prepare the variable `definitions` of a valid operation."""
        self._variables = [_PreparedVariable(schema, definition) for definition in definitions]

    def coerce_values(self, raw_values: Mapping[str, Any]) -> VariableValues | None:
        """Return the coerced values; None if one of them is invalid."""
        sources, coerced_values = {}, {}
        for variable in self._variables:
            name = variable.name
            if name in raw_values:
                value = raw_values[name]
                sources[name] = VariableValueSource(variable.signature, value)
                coerced_value = coerced_values[name] = variable.coerce(value)
                if coerced_value is Undefined:
                    return None
            elif variable.default_values is None:
                return None
            else:
                sources |= variable.default_values.sources
                coerced_values |= variable.default_values.coerced
        return VariableValues(sources, coerced_values)


class _PreparedVariable:
    """A variable: its signature, the coercion of its values, and what its absence means."""

    def __init__(self, schema: GraphQLSchema, definition: VariableDefinitionNode) -> None:
        signature: Any = get_variable_signature(schema, definition)
        assert not isinstance(signature, GraphQLError)
        self.name: str = definition.variable.name.value
        self.signature = signature
        self.coerce: Coercion = compile_coercion(signature.type)
        values = get_variable_values(schema, [definition], {}, hide_suggestions=True)
        self.default_values = values if isinstance(values, VariableValues) else None
        """Its values if it is missing; None if it is required."""

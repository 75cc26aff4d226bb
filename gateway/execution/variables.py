"""The variables of an operation: what they are is worked out once, a request only brings values."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError, GraphQLSchema, Undefined
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
        self._signatures = [each for each in found if not isinstance(each, GraphQLError)]

    def values(self, given: Mapping[str, Any]) -> VariableValues | None:
        """Give the values, coerced; None if the client made a mistake."""
        if any(each.name not in given for each in self._signatures):
            return self._with_defaults(given)
        sources, coerced = {}, {}
        for each in self._signatures:
            value = given[each.name]
            sources[each.name] = VariableValueSource(each, value)
            coerced[each.name] = coerce_input_value(value, each.type)
        mistaken = any(value is Undefined for value in coerced.values())
        return None if mistaken else VariableValues(sources, coerced)

    def _with_defaults(self, given: Mapping[str, Any]) -> VariableValues | None:
        """Give the values where some are left out."""
        values = get_variable_values(self._schema, self._definitions, dict(given))
        return values if isinstance(values, VariableValues) else None

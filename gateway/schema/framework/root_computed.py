"""Computed root fields: a function of one row that an argument identifies, or of the request."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Table

from gateway.db.driver.encoding import hyphenate_uuid
from gateway.db.query_spec import ColumnRef, Expression, QuerySpec, RowCondition
from gateway.schema.framework.arguments import (
    FieldArgument,
    build_signature,
    index_arguments,
    parse_arguments,
)
from gateway.schema.framework.context import ContextFact, Info
from gateway.schema.framework.filtered_lists import FilteredListRequest
from gateway.schema.framework.relations import Resolver

RootComputedInput = ColumnRef | Expression | ContextFact | FieldArgument


@dataclass(frozen=True, eq=False)
class RootComputedField:
    """The value of `function` for the visible row of `table` whose uuid is `key_argument`.

    It is null if there is no such row or it does not meet `conditions`. The
    conditions, and SQL expressions among the `inputs`, may use the values of
    `statement_arguments` as parameters, by their GraphQL names.
    """

    function: Callable[..., Any]
    table: Table[Any]
    key_argument: FieldArgument
    statement_arguments: tuple[FieldArgument, ...]
    conditions: tuple[RowCondition, ...]
    inputs: tuple[RootComputedInput, ...]

    @cached_property
    def arguments(self) -> dict[str, FieldArgument]:
        """The arguments of the field, by their GraphQL names."""
        input_arguments = [each for each in self.inputs if isinstance(each, FieldArgument)]
        return index_arguments((self.key_argument, *self.statement_arguments, *input_arguments))

    @cached_property
    def query_spec(self) -> QuerySpec:
        """The query of the row."""
        columns = tuple([each for each in self.inputs if isinstance(each, (ColumnRef, Expression))])
        return QuerySpec(
            self.table, columns, key_column=ColumnRef(self.table.c.uuid), conditions=self.conditions
        )

    def parse_uuid_key(self, arguments: Mapping[str, Any]) -> str:
        """Return the uuid of the row, as the database prints it."""
        return hyphenate_uuid(arguments[self.key_argument.name])

    def parse_request(self, raw_arguments: Mapping[str, Any]) -> FilteredListRequest:
        """Return the values of the statement's arguments; raises BadInputError if invalid."""
        parsed_arguments = parse_arguments(self.arguments, raw_arguments)
        return FilteredListRequest(
            tuple([(each.name, parsed_arguments[each.name]) for each in self.statement_arguments])
        )

    def build_resolver(self) -> Resolver:
        """Return the resolver that graphql-core calls."""

        async def resolve(info: Info, **raw_arguments: Any) -> Any:
            parameters = self.parse_request(raw_arguments).build_parameters()
            rows = await info.context.loader.load_rows(
                self.query_spec, self.parse_uuid_key(raw_arguments), parameters
            )
            if not rows:
                return None
            column_values = iter(rows[0][1:])
            arguments = parse_arguments(self.arguments, raw_arguments)
            return self.function(
                *[_get_input_value(each, column_values, info, arguments) for each in self.inputs]
            )

        resolve.__signature__ = build_signature(self.arguments, has_parent=False)  # type: ignore[attr-defined]
        return resolve


@dataclass(frozen=True, eq=False)
class RequestComputedField:
    """The value of `function` for facts of the request; it reads nothing."""

    function: Callable[..., Any]
    inputs: tuple[ContextFact, ...]

    def build_resolver(self) -> Resolver:
        """Return the resolver that graphql-core calls."""

        def resolve(info: Info) -> Any:
            return self.function(*[info.context.facts[each] for each in self.inputs])

        return resolve


@dataclass(frozen=True, eq=False)
class UnplannedField:
    """A field that graphql-core always resolves: documents that select it have no plan."""

    resolver: Resolver

    def build_resolver(self) -> Resolver:
        """Return the resolver that graphql-core calls."""
        return self.resolver


def _get_input_value(
    root_input: RootComputedInput,
    column_values: Iterator[Any],
    info: Info,
    arguments: Mapping[str, Any],
) -> Any:
    if isinstance(root_input, ContextFact):
        return info.context.facts[root_input]
    if isinstance(root_input, FieldArgument):
        return arguments[root_input.name]
    return next(column_values)

"""Arguments of fields, declared as values: their GraphQL type, description and validation."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from gateway.schema.framework.context import Info
from gateway.schema.framework.errors import validate_input

ParentRow = strawberry.Parent[Any]


@dataclass(frozen=True, eq=False)
class FieldArgument:
    """An argument of a field: its GraphQL name, type and description."""

    name: str
    type: Any
    description: str
    required: bool = field(default=False, kw_only=True)
    validate: Callable[[Any, str], None] = field(default=validate_input, kw_only=True)
    """A check that does not need the database; raises BadInputError for an invalid value."""

    def parse_value(self, value: Any) -> Any:
        """Return the validated value, None if it was omitted; raises BadInputError if invalid."""
        if value is None or value is strawberry.UNSET:
            return None
        self.validate(value, self.name)
        return value


def build_signature(
    arguments: Mapping[str, FieldArgument], *, has_parent: bool = True
) -> inspect.Signature:
    """Return the signature of a resolver, from which strawberry derives the field's arguments."""
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parent_parameters = (
        [inspect.Parameter("root", positional, annotation=ParentRow)] if has_parent else []
    )
    argument_parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_get_default(argument),
            annotation=_build_annotation(argument),
        )
        for name, argument in arguments.items()
    ]
    return inspect.Signature(
        [
            *parent_parameters,
            inspect.Parameter("info", positional, annotation=Info),
            *argument_parameters,
        ]
    )


def parse_arguments(
    arguments: Mapping[str, FieldArgument], raw_arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the validated values of all `arguments`; raises BadInputError if one is invalid."""
    return {
        name: argument.parse_value(raw_arguments.get(name)) for name, argument in arguments.items()
    }


def index_arguments(arguments: Iterable[FieldArgument]) -> dict[str, FieldArgument]:
    """Return arguments by their GraphQL names, which are their Python names, too."""
    return {each.name: each for each in arguments}


def _get_default(argument: FieldArgument) -> Any:
    return inspect.Parameter.empty if argument.required else strawberry.UNSET


def _build_annotation(argument: FieldArgument) -> Any:
    strawberry_argument = strawberry.argument(description=argument.description, name=argument.name)
    return Annotated[
        argument.type if argument.required else argument.type | None, strawberry_argument
    ]

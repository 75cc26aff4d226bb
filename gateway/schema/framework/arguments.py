"""Arguments of fields, declared as values: what clients may give, and how it is read."""

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
    """An argument: its public name, its type, and what it says to clients."""

    name: str
    type: Any
    description: str
    required: bool = field(default=False, kw_only=True)
    validate: Callable[[Any, str], None] = field(default=validate_input, kw_only=True)
    """Refuses by a BadInputError what makes no sense whatever the database holds."""

    def parse_value(self, value: Any) -> Any:
        """Give what a client gives, or None for nothing; BadInputError if it makes no sense."""
        if value is None or value is strawberry.UNSET:
            return None
        self.validate(value, self.name)
        return value


def build_signature(
    arguments: Mapping[str, FieldArgument], *, has_parent: bool = True
) -> inspect.Signature:
    """Write the signature of a resolver, which strawberry reads the arguments from."""
    positional, keyword_only = (
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    )
    parent_parameters = (
        [inspect.Parameter("root", positional, annotation=ParentRow)] if has_parent else []
    )
    return inspect.Signature(
        [
            *parent_parameters,
            inspect.Parameter("info", positional, annotation=Info),
            *(
                inspect.Parameter(
                    name,
                    keyword_only,
                    default=_get_default(argument),
                    annotation=_build_annotation(argument),
                )
                for name, argument in arguments.items()
            ),
        ]
    )


def parse_arguments(
    arguments: Mapping[str, FieldArgument], raw_arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Give what a client gives for some arguments; BadInputError if it makes no sense."""
    return {
        name: argument.parse_value(raw_arguments.get(name)) for name, argument in arguments.items()
    }


def index_arguments(arguments: Iterable[FieldArgument]) -> dict[str, FieldArgument]:
    """Give arguments by their public names, which Python uses for them, too."""
    return {each.name: each for each in arguments}


def _get_default(argument: FieldArgument) -> Any:
    return inspect.Parameter.empty if argument.required else strawberry.UNSET


def _build_annotation(argument: FieldArgument) -> Any:
    strawberry_argument = strawberry.argument(description=argument.description, name=argument.name)
    return Annotated[
        argument.type if argument.required else argument.type | None, strawberry_argument
    ]

"""Arguments of fields, declared as values: what clients may give, and how it is read."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from gateway.schema.framework.context import Info
from gateway.schema.framework.errors import checked

Parent = strawberry.Parent[Any]


@dataclass(frozen=True, eq=False)
class Argument:
    """An argument: its public name, its type, and what it says to clients."""

    name: str
    type: Any
    description: str
    required: bool = field(default=False, kw_only=True)
    check: Callable[[Any, str], None] = field(default=checked, kw_only=True)
    """Refuses by a BadInputError what makes no sense whatever the database holds."""

    def read(self, value: Any) -> Any:
        """Give what a client gives, or None for nothing; BadInputError if it makes no sense."""
        if value is None or value is strawberry.UNSET:
            return None
        self.check(value, self.name)
        return value


def signature(arguments: Mapping[str, Argument], *, parent: bool = True) -> inspect.Signature:
    """Write the signature of a resolver, which strawberry reads the arguments from."""
    usual, keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    root = [inspect.Parameter("root", usual, annotation=Parent)] if parent else []
    return inspect.Signature(
        [
            *root,
            inspect.Parameter("info", usual, annotation=Info),
            *(
                inspect.Parameter(
                    name, keyword, default=_default(each), annotation=_annotated(each)
                )
                for name, each in arguments.items()
            ),
        ]
    )


def values(arguments: Mapping[str, Argument], given: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a client gives for some arguments; BadInputError if it makes no sense."""
    return {name: each.read(given.get(name)) for name, each in arguments.items()}


def by_name(arguments: Iterable[Argument]) -> dict[str, Argument]:
    """Give arguments by their public names, which Python uses for them, too."""
    return {each.name: each for each in arguments}


def _default(each: Argument) -> Any:
    return inspect.Parameter.empty if each.required else strawberry.UNSET


def _annotated(each: Argument) -> Any:
    told = strawberry.argument(description=each.description, name=each.name)
    return Annotated[each.type if each.required else each.type | None, told]

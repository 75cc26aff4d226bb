"""Documents made by chance from the schema, with what clients send along with them.

They are valid, but for few: a field with arguments is either renamed, or has the
same arguments wherever it stands under its own name, so that all places that
merge can be merged.
"""

from collections.abc import Sequence
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_non_null_type,
)

from gateway.execution.graphql_request import Asking
from tests.execution.corpus.both_executions import REQUEST
from tests.execution.corpus.known_rows import Known
from tests.execution.generated_values import Dice, Named, Values, literal
from tests.support.schema_documents import SCHEMA

DEPTH, MOST = 3, 30
"""So many rows below each other, and so many fields in all."""
THROWS = 500
"""Choices that a document may need."""
SIMPLE = ("offerings", "nodes", "uuid", "name")
"""The fields that are asked for when nothing else is wanted: they show rows to everybody."""
WRONG: tuple[Any, ...] = (None, "x", -5, 1.5, True, [], {})
Fielded = GraphQLObjectType | GraphQLInterfaceType
Composite = Fielded | GraphQLUnionType


class Document:
    """A document that is being written."""

    def __init__(self, dice: Dice, known: Known) -> None:
        self._dice, self._wrong = dice, dice.chance(15)
        self._values = Values(dice, known, wrong=self._wrong)
        self._declared: list[str] = []
        self._given: dict[str, Any] = {}
        self._fragments: list[str] = []
        self._arguments: dict[tuple[str, str], str] = {}
        """How a field is asked under its own name."""
        self._names = 0
        self._left = MOST

    def asking(self) -> Asking:
        """Write the document, and what is sent along with it."""
        assert SCHEMA.query_type
        body = self._selection(SCHEMA.query_type, DEPTH)
        declared = f"({', '.join(self._declared)})" if self._declared else ""
        operation = f"query Asked{declared} {body}"
        several = self._dice.chance(5)
        others = ["query Other { __typename }"] * several
        query = "\n".join([*others, operation, *self._fragments])
        return Asking(query, self._given, "Asked" if several else None, REQUEST)

    def _name(self, stem: str) -> str:
        self._names += 1
        return f"{stem}{self._names}"

    def _selection(self, type_: Composite, depth: int, *, renamed: bool = False) -> str:
        least = 2 if type_ is SCHEMA.query_type else 1
        count = self._dice.upto(4, least)
        return f"{{ {' '.join(self._part(type_, depth, renamed) for _ in range(count))} }}"

    def _part(self, type_: Composite, depth: int, renamed: bool) -> str:
        """Write a field, or a fragment with some."""
        if isinstance(type_, GraphQLUnionType) or (
            isinstance(type_, GraphQLInterfaceType) and self._dice.chance(80)
        ):
            below = self._dice.one_of(SCHEMA.get_possible_types(type_))
            inside = self._selection(below, depth, renamed=True)
            return f"... on {below.name}{self._directive()} {inside}"
        if not self._dice.chance(15) or self._left <= 0:
            return self._field(type_, depth, renamed)
        return self._fragment(type_, self._selection(type_, depth, renamed=renamed))

    def _fragment(self, type_: Composite, inside: str) -> str:
        kind = self._dice.one_of(("...", f"... on {type_.name}", "named"))
        if kind != "named":
            return f"{kind}{self._directive()} {inside}"
        name = self._name("F")
        self._fragments.append(f"fragment {name} on {type_.name} {inside}")
        return " ".join([f"...{name}{self._directive()}"] * (1 + self._dice.chance(10)))

    def _field(self, type_: Fielded, depth: int, renamed: bool) -> str:
        self._left -= 1
        name = self._chosen(type_, depth)
        if name == "__typename":
            return f"{self._name('t')}: {name}" if self._dice.chance(10) else name
        field = type_.fields[name]
        alias = f"{self._alias(name)}: " if renamed or self._dice.chance(30) else ""
        arguments = self._asked(type_, name, field, shared=not alias)
        below: Any = get_named_type(field.type)
        inside = ""
        if not _leaf(field):
            inside = " " + self._selection(below, depth - ("uuid" in getattr(below, "fields", ())))
        return f"{alias}{name}{arguments}{self._directive()}{inside}"

    def _chosen(self, type_: Fielded, depth: int) -> str:
        """Choose a field; deep down, and when there are many, one without others below it."""
        names: list[str] = sorted(type_.fields, key=lambda each: (each not in SIMPLE, each))
        plain = [*(name for name in names if _leaf(type_.fields[name])), "__typename"]
        leading = [name for name in names if name not in plain]
        if type_ is SCHEMA.query_type:
            lists = [name for name in leading if "first" in type_.fields[name].args]
            return self._dice.one_of([*lists, *lists, *leading, *plain[:-1]])
        if _wraps(type_):
            return self._dice.one_of([*leading, *leading, *plain])
        if depth > 0 and self._left > 0 and leading and self._dice.chance(45):
            return self._dice.one_of(leading)
        return self._dice.one_of(plain)

    def _alias(self, name: str) -> str:
        stem = self._dice.one_of((name, "a", name, "long_" * 14, "__"))
        return self._name(stem)

    def _asked(self, type_: Fielded, name: str, field: GraphQLField, *, shared: bool) -> str:
        if not field.args:
            return ""
        place = type_.name, name
        if shared and place in self._arguments:
            return self._arguments[place]
        row = _row(field)
        given = self._values.arguments(row, list(field.args))
        written = ", ".join(f"{n}: {self._given_as(v, field.args[n])}" for n, v in given.items())
        asked = f"({written})" if written else ""
        if shared:
            self._arguments[place] = asked
        return asked

    def _given_as(self, value: Any, argument: GraphQLArgument) -> str:
        """Write a value, or the variable that it is given in."""
        if self._dice.chance(35):
            return f"${self._variable(value, argument.type)}"
        if isinstance(get_named_type(argument.type), GraphQLInputObjectType):
            value = {name: self._inner(argument.type, name, each) for name, each in value.items()}
        return literal(value, argument.type)

    def _inner(self, type_: Any, name: str, value: Any) -> Any:
        filters = get_named_type(type_)
        assert isinstance(filters, GraphQLInputObjectType)
        inside = filters.fields[name].type
        return Named(self._variable(value, inside)) if self._dice.chance(15) else value

    def _variable(self, value: Any, type_: Any) -> str:
        name = self._name("v")
        if self._dice.chance(10) and value is not None:
            default = literal(value, type_)
            self._declared.append(f"${name}: {get_nullable_type(type_)} = {default}")
        else:
            self._declared.append(f"${name}: {type_}")
            if is_non_null_type(type_) or not self._dice.chance(5):
                self._given[name] = value
        if self._wrong and self._dice.chance(5):
            self._given[name] = self._dice.one_of(WRONG)
        return name

    def _directive(self) -> str:
        if not self._dice.chance(8):
            return ""
        word, holds = self._dice.one_of(("include", "skip")), self._dice.chance(30)
        holds = holds if word == "skip" else not holds
        if self._dice.chance(50):
            return f" @{word}(if: {str(holds).lower()})"
        return f" @{word}(if: ${self._variable(holds, _BOOLEAN)})"


_BOOLEAN = SCHEMA.directives[0].args["if"].type


def _leaf(field: GraphQLField) -> bool:
    return not is_composite_type(get_named_type(field.type))


def _wraps(type_: Composite) -> bool:
    """Say whether a type only holds what is of another type, as edges do."""
    return type_.name.endswith(("Connection", "Edge")) or type_.name == "Viewer"


def _row(field: GraphQLField) -> str:
    """Name the type of the rows that a field leads to."""
    name = get_named_type(field.type).name
    return name.removesuffix("Connection")


def rows_in(answer: Any) -> bool:
    """Say whether an answer shows any text but the names of types: without rows there is none."""
    if isinstance(answer, str):
        return answer not in SCHEMA.type_map
    below: Sequence[Any] = list(answer.values()) if isinstance(answer, dict) else answer
    return isinstance(below, list) and any(map(rows_in, below))

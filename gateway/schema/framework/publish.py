"""Publishing a class as a GraphQL type: its docstrings become what clients read."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from enum import Enum
from itertools import pairwise
from typing import Any, TypeVar, dataclass_transform

import strawberry
from strawberry.types import get_object_definition, has_object_definition
from strawberry.types.base import StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition

from gateway.db.sql.row_types import Row, need
from gateway.schema.framework.relations import RELATION

T = TypeVar("T", bound=type)
E = TypeVar("E", bound=type[Enum])


class NotPublishableError(Exception):
    """A field promises what its table can't keep."""


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def published(cls: T) -> T:
    """Make `cls` a GraphQL type, described by its docstrings; a row's plain fields are columns."""
    describe(cls, strawberry.type(cls, description=inspect.getdoc(cls)))
    if issubclass(cls, Row):
        for field in get_object_definition(cls, strict=True).fields:
            if RELATION not in field.metadata:
                _column(cls, field)
    return cls


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def published_as(name: str) -> Callable[[T], T]:
    """Make a class a GraphQL type of another name, described by its docstrings."""

    def publish(cls: T) -> T:
        made = strawberry.type(cls, name=name, description=inspect.getdoc(cls))
        describe(cls, made)
        return cls

    return publish


def named(cls: E) -> E:
    """Make `cls` a GraphQL enum, described by its docstrings."""
    made: Any = strawberry.enum(cls, description=inspect.getdoc(cls))
    docs = attribute_docs(cls)
    for value in made.__strawberry_definition__.values:
        value.description = docs.get(value.name)
    return cls


def describe(cls: Any, made: Any) -> Any:
    """Give the fields of `made` the docstrings of `cls`, or of what is above it."""
    docs = {**_inherited(cls), **attribute_docs(cls)}
    for field in get_object_definition(made, strict=True).fields:
        field.description = docs.get(field.python_name, field.description)
    return made


def _inherited(cls: Any) -> dict[str, str]:
    """Give the descriptions that fields of published classes above have."""
    above = [each for each in reversed(cls.__mro__[1:]) if has_object_definition(each)]
    fields = [field for each in above for field in each.__strawberry_definition__.fields]
    return {field.python_name: field.description for field in fields if field.description}


def _column(cls: type[Row], field: Any) -> None:
    """See to it that the column of a plain field is read, and that it can keep what it promises."""
    name, where = field.python_name, f"{cls.__name__}.{field.python_name}"
    for table in cls.tables:
        if name not in table.c:
            raise NotPublishableError(f"{where} is not a column of {table.name}.")
        need([table.c[name]])
    promised = not isinstance(field.type, StrawberryOptional)
    column = cls.tables[0].c[name]
    if promised and (column.nullable or column.info or not _shown(cls, name)):
        raise NotPublishableError(f"{where} may be null, so its type must say so.")
    kind = field.type if promised else field.type.of_type
    if isinstance(kind, StrawberryEnumDefinition):
        if promised:
            raise NotPublishableError(f"{where} may hold what this gateway does not know: null.")
        cls.convert[name] = {each.value: kind.wrapped_cls[each.name] for each in kind.values}


def _shown(cls: type[Row], name: str) -> bool:
    return cls.by_reference is None or name in cls.by_reference


def attribute_docs(cls: type) -> dict[str, str]:
    """Read the string under each attribute, as Sphinx does."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    docs = {}
    for attribute, below in pairwise(definition.body):
        match attribute, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                docs[name] = inspect.cleandoc(text)
    return docs


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def asks(cls: T) -> T:
    """Make `cls` a GraphQL input, described by its docstrings."""
    describe(cls, strawberry.input(cls, description=inspect.getdoc(cls)))
    return cls

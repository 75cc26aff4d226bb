"""Decorators that publish classes as GraphQL types, described by their docstrings."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from enum import Enum
from itertools import pairwise
from typing import Any, TypeVar, dataclass_transform

import strawberry
from strawberry.types import get_object_definition, has_object_definition

from gateway.db.sql.row_types import Row, require_columns
from gateway.schema.framework.relations import DECLARATION_KEY
from gateway.schema.framework.strawberry_internals import (
    StrawberryEnumDefinition,
    StrawberryOptional,
    get_enum_definition,
)

T = TypeVar("T", bound=type)
E = TypeVar("E", bound=type[Enum])


class InvalidFieldTypeError(Exception):
    """A field whose type contradicts its column; raised when the program starts."""


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def object_type(cls: T) -> T:
    """Publish `cls` as an object type; fields of a row class without declaration are columns."""
    apply_docstrings(cls, strawberry.type(cls, description=inspect.getdoc(cls)))
    if issubclass(cls, Row):
        for field in get_object_definition(cls, strict=True).fields:
            if DECLARATION_KEY not in field.metadata:
                _validate_column(cls, field)
    return cls


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def object_type_as(name: str) -> Callable[[T], T]:
    """Return a decorator that publishes a class as an object type of another name."""

    def publish_class(cls: T) -> T:
        graphql_type = strawberry.type(cls, name=name, description=inspect.getdoc(cls))
        apply_docstrings(cls, graphql_type)
        return cls

    return publish_class


def enum(cls: E) -> E:
    """Publish `cls` as a GraphQL enum."""
    graphql_enum: Any = strawberry.enum(cls, description=inspect.getdoc(cls))
    docs = parse_attribute_docs(cls)
    for value in get_enum_definition(graphql_enum).values:
        value.description = docs.get(value.name)
    return cls


def apply_docstrings(cls: Any, graphql_type: Any) -> Any:
    """Describe the fields of `graphql_type` by the docstrings of `cls` and its base classes."""
    docs = {**_collect_inherited_docs(cls), **parse_attribute_docs(cls)}
    for field in get_object_definition(graphql_type, strict=True).fields:
        field.description = docs.get(field.python_name, field.description)
    return graphql_type


def _collect_inherited_docs(cls: Any) -> dict[str, str]:
    """Return the descriptions of the fields of published base classes."""
    published_bases = [base for base in reversed(cls.__mro__[1:]) if has_object_definition(base)]
    fields = [
        field
        for base in published_bases
        for field in get_object_definition(base, strict=True).fields
    ]
    return {field.python_name: field.description for field in fields if field.description}


def _validate_column(cls: type[Row], field: Any) -> None:
    """Require the column of a field without declaration; raises InvalidFieldTypeError.

    A non-null field needs a column that has a value in every version of Waldur,
    in each row that refers to it, and no unknown enum value.
    """
    name, label = field.python_name, f"{cls.__name__}.{field.python_name}"
    for table in cls.tables:
        if name not in table.c:
            raise InvalidFieldTypeError(f"{label} is not a column of the table {table.name}.")
        require_columns([table.c[name]])
    is_non_null = not isinstance(field.type, StrawberryOptional)
    column = cls.tables[0].c[name]
    if is_non_null and (column.nullable or column.info or not _is_shown_by_reference(cls, name)):
        raise InvalidFieldTypeError(f"{label} may be null: its type must be nullable.")
    field_type = field.type if is_non_null else field.type.of_type
    if isinstance(field_type, StrawberryEnumDefinition):
        if is_non_null:
            raise InvalidFieldTypeError(
                f"{label} may hold unknown values, which are null: its type must be nullable."
            )
        cls.value_maps[name] = {
            each.value: field_type.wrapped_cls[each.name] for each in field_type.values
        }


def _is_shown_by_reference(cls: type[Row], name: str) -> bool:
    return cls.by_reference is None or name in cls.by_reference


def parse_attribute_docs(cls: type) -> dict[str, str]:
    """Return the docstrings of attributes: the string literals below them, as Sphinx reads them."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    docs = {}
    for attribute, docstring in pairwise(definition.body):
        match attribute, docstring:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                docs[name] = inspect.cleandoc(text)
    return docs


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def input_type(cls: T) -> T:
    """Publish `cls` as an input type."""
    apply_docstrings(cls, strawberry.input(cls, description=inspect.getdoc(cls)))
    return cls


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def choice_type(cls: T) -> T:
    """Publish `cls` as an input type of which clients choose exactly one field (`@oneOf`).

    All fields are optional, with the default `UNSET`.
    """
    apply_docstrings(cls, strawberry.input(cls, description=inspect.getdoc(cls), one_of=True))
    return cls

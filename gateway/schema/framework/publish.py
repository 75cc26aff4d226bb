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

from gateway.db.sql.row_types import Row, require_columns
from gateway.schema.framework.relations import DECLARATION_KEY

T = TypeVar("T", bound=type)
E = TypeVar("E", bound=type[Enum])


class InvalidFieldTypeError(Exception):
    """A field promises what its table can't keep."""


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def object_type(cls: T) -> T:
    """Make `cls` a GraphQL type, described by its docstrings; a row's plain fields are columns."""
    apply_docstrings(cls, strawberry.type(cls, description=inspect.getdoc(cls)))
    if issubclass(cls, Row):
        for field in get_object_definition(cls, strict=True).fields:
            if DECLARATION_KEY not in field.metadata:
                _validate_column(cls, field)
    return cls


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def object_type_as(name: str) -> Callable[[T], T]:
    """Make a class a GraphQL type of another name, described by its docstrings."""

    def publish_class(cls: T) -> T:
        graphql_type = strawberry.type(cls, name=name, description=inspect.getdoc(cls))
        apply_docstrings(cls, graphql_type)
        return cls

    return publish_class


def enum(cls: E) -> E:
    """Make `cls` a GraphQL enum, described by its docstrings."""
    graphql_enum: Any = strawberry.enum(cls, description=inspect.getdoc(cls))
    docs = parse_attribute_docs(cls)
    for value in graphql_enum.__strawberry_definition__.values:
        value.description = docs.get(value.name)
    return cls


def apply_docstrings(cls: Any, graphql_type: Any) -> Any:
    """Give the fields of `made` the docstrings of `cls`, or of what is above it."""
    docs = {**_collect_inherited_docs(cls), **parse_attribute_docs(cls)}
    for field in get_object_definition(graphql_type, strict=True).fields:
        field.description = docs.get(field.python_name, field.description)
    return graphql_type


def _collect_inherited_docs(cls: Any) -> dict[str, str]:
    """Give the descriptions that fields of published classes above have."""
    published_bases = [base for base in reversed(cls.__mro__[1:]) if has_object_definition(base)]
    fields = [field for base in published_bases for field in base.__strawberry_definition__.fields]
    return {field.python_name: field.description for field in fields if field.description}


def _validate_column(cls: type[Row], field: Any) -> None:
    """See to it that the column of a plain field is read, and that it can keep what it promises."""
    name, label = field.python_name, f"{cls.__name__}.{field.python_name}"
    for table in cls.tables:
        if name not in table.c:
            raise InvalidFieldTypeError(f"{label} is not a column of {table.name}.")
        require_columns([table.c[name]])
    is_non_null = not isinstance(field.type, StrawberryOptional)
    column = cls.tables[0].c[name]
    if is_non_null and (column.nullable or column.info or not _is_shown_by_reference(cls, name)):
        raise InvalidFieldTypeError(f"{label} may be null, so its type must say so.")
    field_type = field.type if is_non_null else field.type.of_type
    if isinstance(field_type, StrawberryEnumDefinition):
        if is_non_null:
            raise InvalidFieldTypeError(f"{label} may hold what this gateway does not know: null.")
        cls.value_maps[name] = {
            each.value: field_type.wrapped_cls[each.name] for each in field_type.values
        }


def _is_shown_by_reference(cls: type[Row], name: str) -> bool:
    return cls.by_reference is None or name in cls.by_reference


def parse_attribute_docs(cls: type) -> dict[str, str]:
    """Read the string under each attribute, as Sphinx does."""
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
    """Make `cls` a GraphQL input, described by its docstrings."""
    apply_docstrings(cls, strawberry.input(cls, description=inspect.getdoc(cls)))
    return cls

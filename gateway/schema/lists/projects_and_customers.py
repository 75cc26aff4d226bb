"""How lists of projects and customers are narrowed and sorted."""

from enum import Enum

from gateway.db import tables
from gateway.db.query_spec import ColumnRef, SortOrder
from gateway.db.sql.filters import (
    at_least,
    at_most,
    build_like_pattern,
    contains_text,
    equals_value,
    filter_column,
    in_values,
)
from gateway.schema.framework.filters import filter_field, filter_input
from gateway.schema.framework.publish import enum
from gateway.schema.framework.scalars import UUID, DateTime

project, customer = tables.project.c, tables.customer.c


@enum
class ProjectOrder(Enum):
    """What projects are sorted by; without a value come last, or first downward."""

    CREATED_ASC = SortOrder((ColumnRef(project.created),))
    """The oldest first."""
    CREATED_DESC = SortOrder((ColumnRef(project.created),), descending=True)
    """The newest first."""
    NAME_ASC = SortOrder((ColumnRef(project.name),))
    """By name."""
    NAME_DESC = SortOrder((ColumnRef(project.name),), descending=True)
    """By name, backward."""
    END_DATE_ASC = SortOrder((ColumnRef(project.end_date),))
    """The first to end first."""
    END_DATE_DESC = SortOrder((ColumnRef(project.end_date),), descending=True)
    """Those without an end, then the last to end."""
    CUSTOMER_NAME_ASC = SortOrder((ColumnRef(customer.name, (project.customer_id,)),))
    """By the customer's name."""
    CUSTOMER_NAME_DESC = SortOrder(
        (ColumnRef(customer.name, (project.customer_id,)),), descending=True
    )
    """By the customer's name, backward."""


@enum
class CustomerOrder(Enum):
    """What customers are sorted by."""

    CREATED_ASC = SortOrder((ColumnRef(customer.created),))
    """The oldest first."""
    CREATED_DESC = SortOrder((ColumnRef(customer.created),), descending=True)
    """The newest first."""
    NAME_ASC = SortOrder((ColumnRef(customer.name),))
    """By name."""
    NAME_DESC = SortOrder((ColumnRef(customer.name),), descending=True)
    """By name, backward."""


@filter_input
class ProjectFilter:
    """Which projects are wanted: those that meet all that is given; a null asks for nothing."""

    uuid: list[UUID] | None = filter_field(filter_column(in_values, project.uuid))
    """One of these."""
    name: str | None = filter_field(filter_column(contains_text, project.name), build_like_pattern)
    """The name has this in it, in upper or lower case."""
    name_exact: str | None = filter_field(filter_column(equals_value, project.name))
    """The name is this."""
    slug: str | None = filter_field(filter_column(equals_value, project.slug))
    """The slug is this."""
    customer_uuid: list[UUID] | None = filter_field(
        filter_column(in_values, customer.uuid, project.customer_id)
    )
    """Of one of these customers."""
    created: DateTime | None = filter_field(filter_column(at_least, project.created))
    """Made then or later."""
    created_before: DateTime | None = filter_field(filter_column(at_most, project.created))
    """Made then or earlier."""


@filter_input
class CustomerFilter:
    """Which customers are wanted: those that meet all that is given; a null asks for nothing."""

    uuid: list[UUID] | None = filter_field(filter_column(in_values, customer.uuid))
    """One of these."""
    name: str | None = filter_field(filter_column(contains_text, customer.name), build_like_pattern)
    """The name has this in it, in upper or lower case."""
    name_exact: str | None = filter_field(filter_column(equals_value, customer.name))
    """The name is this."""
    slug: str | None = filter_field(filter_column(equals_value, customer.slug))
    """The slug is this."""
    created: DateTime | None = filter_field(filter_column(at_least, customer.created))
    """Made then or later."""
    created_before: DateTime | None = filter_field(filter_column(at_most, customer.created))
    """Made then or earlier."""

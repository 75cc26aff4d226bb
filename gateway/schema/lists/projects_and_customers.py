"""Filters and sort orders of lists of projects and customers."""

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
    """Sort order of projects.

    Objects without a value are last in ascending and first in descending order.
    """

    CREATED_ASC = SortOrder((ColumnRef(project.created),))
    """Oldest first."""
    CREATED_DESC = SortOrder((ColumnRef(project.created),), descending=True)
    """Newest first."""
    NAME_ASC = SortOrder((ColumnRef(project.name),))
    """By name, A to Z."""
    NAME_DESC = SortOrder((ColumnRef(project.name),), descending=True)
    """By name, Z to A."""
    END_DATE_ASC = SortOrder((ColumnRef(project.end_date),))
    """Earliest end date first."""
    END_DATE_DESC = SortOrder((ColumnRef(project.end_date),), descending=True)
    """Objects without an end date first, then latest end date first."""
    CUSTOMER_NAME_ASC = SortOrder((ColumnRef(customer.name, (project.customer_id,)),))
    """By the organisation's name, A to Z."""
    CUSTOMER_NAME_DESC = SortOrder(
        (ColumnRef(customer.name, (project.customer_id,)),), descending=True
    )
    """By the organisation's name, Z to A."""


@enum
class CustomerOrder(Enum):
    """Sort order of organisations."""

    CREATED_ASC = SortOrder((ColumnRef(customer.created),))
    """Oldest first."""
    CREATED_DESC = SortOrder((ColumnRef(customer.created),), descending=True)
    """Newest first."""
    NAME_ASC = SortOrder((ColumnRef(customer.name),))
    """By name, A to Z."""
    NAME_DESC = SortOrder((ColumnRef(customer.name),), descending=True)
    """By name, Z to A."""


@filter_input
class ProjectFilter:
    """Filter of projects: all conditions must hold; nulls and blank texts are ignored.

    Spaces around a text are ignored, too. A list matches if one of its elements does; an empty list
    matches nothing.
    """

    uuid: list[UUID] | None = filter_field(filter_column(in_values, project.uuid))
    """The UUID is one of these."""
    name: str | None = filter_field(filter_column(contains_text, project.name), build_like_pattern)
    """The name contains this text; case-insensitive."""
    name_exact: str | None = filter_field(filter_column(equals_value, project.name))
    """The name is exactly this text."""
    slug: str | None = filter_field(filter_column(equals_value, project.slug))
    """The slug is exactly this text."""
    customer_uuid: list[UUID] | None = filter_field(
        filter_column(in_values, customer.uuid, project.customer_id)
    )
    """The organisation's UUID is one of these."""
    created: DateTime | None = filter_field(filter_column(at_least, project.created))
    """Lower bound: created at this time or later."""
    created_before: DateTime | None = filter_field(filter_column(at_most, project.created))
    """Upper bound: created at this time or earlier."""


@filter_input
class CustomerFilter:
    """Filter of organisations: all conditions must hold; nulls and blank texts are ignored.

    Spaces around a text are ignored, too. A list matches if one of its elements does; an empty list
    matches nothing.
    """

    uuid: list[UUID] | None = filter_field(filter_column(in_values, customer.uuid))
    """The UUID is one of these."""
    name: str | None = filter_field(filter_column(contains_text, customer.name), build_like_pattern)
    """The name contains this text; case-insensitive."""
    name_exact: str | None = filter_field(filter_column(equals_value, customer.name))
    """The name is exactly this text."""
    slug: str | None = filter_field(filter_column(equals_value, customer.slug))
    """The slug is exactly this text."""
    created: DateTime | None = filter_field(filter_column(at_least, customer.created))
    """Lower bound: created at this time or later."""
    created_before: DateTime | None = filter_field(filter_column(at_most, customer.created))
    """Upper bound: created at this time or earlier."""

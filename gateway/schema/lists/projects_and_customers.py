"""How lists of projects and customers are narrowed and sorted."""

from enum import Enum

from gateway.db import tables
from gateway.db.query_spec import At, Order
from gateway.db.sql.filters import among, at_least, at_most, contains, equal, pattern, where
from gateway.schema.framework.filters import asked_for, filtered_by
from gateway.schema.framework.publish import named
from gateway.schema.framework.scalars import UUID, DateTime

project, customer = tables.project.c, tables.customer.c


@named
class ProjectOrder(Enum):
    """What projects are sorted by; without a value come last, or first downward."""

    CREATED_ASC = Order((At(project.created),))
    """The oldest first."""
    CREATED_DESC = Order((At(project.created),), descending=True)
    """The newest first."""
    NAME_ASC = Order((At(project.name),))
    """By name."""
    NAME_DESC = Order((At(project.name),), descending=True)
    """By name, backward."""
    END_DATE_ASC = Order((At(project.end_date),))
    """The first to end first."""
    END_DATE_DESC = Order((At(project.end_date),), descending=True)
    """Those without an end, then the last to end."""
    CUSTOMER_NAME_ASC = Order((At(customer.name, (project.customer_id,)),))
    """By the customer's name."""
    CUSTOMER_NAME_DESC = Order((At(customer.name, (project.customer_id,)),), descending=True)
    """By the customer's name, backward."""


@named
class CustomerOrder(Enum):
    """What customers are sorted by."""

    CREATED_ASC = Order((At(customer.created),))
    """The oldest first."""
    CREATED_DESC = Order((At(customer.created),), descending=True)
    """The newest first."""
    NAME_ASC = Order((At(customer.name),))
    """By name."""
    NAME_DESC = Order((At(customer.name),), descending=True)
    """By name, backward."""


@asked_for
class ProjectFilter:
    """Which projects are wanted: those that meet all that is given; a null asks for nothing."""

    uuid: list[UUID] | None = filtered_by(where(among, project.uuid))
    """One of these."""
    name: str | None = filtered_by(where(contains, project.name), pattern)
    """The name has this in it, in upper or lower case."""
    name_exact: str | None = filtered_by(where(equal, project.name))
    """The name is this."""
    slug: str | None = filtered_by(where(equal, project.slug))
    """The slug is this."""
    customer_uuid: list[UUID] | None = filtered_by(where(among, customer.uuid, project.customer_id))
    """Of one of these customers."""
    created: DateTime | None = filtered_by(where(at_least, project.created))
    """Made then or later."""
    created_before: DateTime | None = filtered_by(where(at_most, project.created))
    """Made then or earlier."""


@asked_for
class CustomerFilter:
    """Which customers are wanted: those that meet all that is given; a null asks for nothing."""

    uuid: list[UUID] | None = filtered_by(where(among, customer.uuid))
    """One of these."""
    name: str | None = filtered_by(where(contains, customer.name), pattern)
    """The name has this in it, in upper or lower case."""
    name_exact: str | None = filtered_by(where(equal, customer.name))
    """The name is this."""
    slug: str | None = filtered_by(where(equal, customer.slug))
    """The slug is this."""
    created: DateTime | None = filtered_by(where(at_least, customer.created))
    """Made then or later."""
    created_before: DateTime | None = filtered_by(where(at_most, customer.created))
    """Made then or earlier."""

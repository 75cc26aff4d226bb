"""How lists of offerings are narrowed and sorted; the names are REST's."""

from enum import Enum

from gateway.db import tables
from gateway.db.conditions import among, at_least, at_most, contains, equal, pattern, where
from gateway.db.read import At, Order
from gateway.schema.filters import asked_for, filtered_by
from gateway.schema.published import named
from gateway.schema.scalars import UUID, DateTime

offering = tables.offering.c


@named
class OfferingState(Enum):
    """Whether an offering can be ordered."""

    DRAFT = 1
    """It is being prepared."""
    ACTIVE = 2
    """It can be ordered."""
    PAUSED = 3
    """It can't be ordered at present."""
    ARCHIVED = 4
    """It is not offered any more."""
    UNAVAILABLE = 5
    """Nothing can be done with its resources at present."""


@named
class OfferingOrder(Enum):
    """What offerings are sorted by."""

    CREATED_ASC = Order((At(offering.created),))
    """The oldest first."""
    CREATED_DESC = Order((At(offering.created),), descending=True)
    """The newest first."""
    NAME_ASC = Order((At(offering.name),))
    """By name."""
    NAME_DESC = Order((At(offering.name),), descending=True)
    """By name, backward."""
    TYPE_ASC = Order((At(offering.type),))
    """By type."""
    TYPE_DESC = Order((At(offering.type),), descending=True)
    """By type, backward."""
    STATE_ASC = Order((At(offering.state),))
    """By state, from draft to unavailable."""
    STATE_DESC = Order((At(offering.state),), descending=True)
    """By state, from unavailable to draft."""


@asked_for
class OfferingFilter:
    """Which offerings are wanted: those that meet all that is given; a null asks for nothing."""

    uuid: list[UUID] | None = filtered_by(where(among, offering.uuid))
    """One of these."""
    name: str | None = filtered_by(where(contains, offering.name), pattern)
    """The name has this in it, in upper or lower case."""
    name_exact: str | None = filtered_by(where(equal, offering.name))
    """The name is this."""
    slug: str | None = filtered_by(where(equal, offering.slug))
    """The slug is this."""
    description: str | None = filtered_by(where(contains, offering.description), pattern)
    """The description has this in it, in upper or lower case."""
    type: list[str] | None = filtered_by(where(among, offering.type))
    """Of one of these types."""
    state: list[OfferingState] | None = filtered_by(where(among, offering.state))
    """In one of these states."""
    shared: bool | None = filtered_by(where(equal, offering.shared))
    """For everybody, or private."""
    billable: bool | None = filtered_by(where(equal, offering.billable))
    """Billed, or not."""
    category_uuid: UUID | None = filtered_by(
        where(equal, tables.category.c.uuid, offering.category_id)
    )
    """Of this category."""
    customer_uuid: UUID | None = filtered_by(
        where(equal, tables.customer.c.uuid, offering.customer_id)
    )
    """Of this provider."""
    project_uuid: UUID | None = filtered_by(
        where(equal, tables.project.c.uuid, offering.project_id)
    )
    """For this project."""
    parent_uuid: UUID | None = filtered_by(where(equal, offering.uuid, offering.parent_id))
    """Belongs to this offering."""
    created: DateTime | None = filtered_by(where(at_least, offering.created))
    """Made then or later."""
    created_before: DateTime | None = filtered_by(where(at_most, offering.created))
    """Made then or earlier."""
    modified: DateTime | None = filtered_by(where(at_least, offering.modified))
    """Changed then or later."""
    modified_before: DateTime | None = filtered_by(where(at_most, offering.modified))
    """Changed then or earlier."""

"""The types of the plain version; a field without a resolver is the row's column of that name."""
# mypy: disable-error-code="no-any-return"
# Rows take the place of the types' instances, and strawberry reads their attributes.

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import strawberry
from strawberry.scalars import JSON
from strawberry.types import Info


@strawberry.type
class Customer:
    """An organisation."""

    uuid: UUID
    name: str
    slug: str


@strawberry.type
class Category:
    """A kind of offerings."""

    uuid: UUID
    title: str
    description: str


@strawberry.type
class Project:
    """A project."""

    customer_id: strawberry.Private[int]
    uuid: UUID
    name: str
    slug: str
    description: str
    end_date: date | None

    @strawberry.field
    async def customer(self, info: Info) -> Customer:
        """Give the organisation that it belongs to."""
        return await info.context["loaders"].customer.load(self.customer_id)


@strawberry.type
class Component:
    """What an offering is metered by."""

    uuid: UUID
    type: str
    name: str
    description: str
    billing_type: str
    measured_unit: str
    unit_factor: int | None
    limit_period: str | None
    limit_amount: int | None
    min_value: int | None
    max_value: int | None
    is_boolean: bool


@strawberry.type
class Price:
    """What a component costs under a plan."""

    component_id: strawberry.Private[int | None]
    amount: int
    price: Decimal

    @strawberry.field
    async def component(self, info: Info) -> Component | None:
        """Give what is priced."""
        if self.component_id is None:
            return None
        return await info.context["loaders"].component.load(self.component_id)


@strawberry.type
class Plan:
    """A way to pay."""

    id: strawberry.Private[int]
    uuid: UUID
    name: str
    description: str
    unit: str
    unit_price: Decimal

    @strawberry.field
    async def components(self, info: Info) -> list[Price]:
        """Give the prices."""
        return await info.context["loaders"].prices.load(self.id)


@strawberry.type
class Offering:
    """What can be ordered."""

    id: strawberry.Private[int]
    category_id: strawberry.Private[int]
    customer_id: strawberry.Private[int | None]
    uuid: UUID
    name: str
    slug: str
    description: str
    type: str
    state: int
    shared: bool

    @strawberry.field
    async def category(self, info: Info) -> Category:
        """Give its kind."""
        return await info.context["loaders"].category.load(self.category_id)

    @strawberry.field
    async def provider(self, info: Info) -> Customer | None:
        """Give who provides it."""
        if self.customer_id is None:
            return None
        return await info.context["loaders"].customer.load(self.customer_id)

    @strawberry.field
    async def components(self, info: Info) -> list[Component]:
        """Give what it is metered by."""
        return await info.context["loaders"].components.load(self.id)

    @strawberry.field
    async def plans(self, info: Info) -> list[Plan]:
        """Give the ways to pay for it."""
        return await info.context["loaders"].plans.load(self.id)


@strawberry.type
class Endpoint:
    """Where a resource can be reached."""

    uuid: UUID
    name: str
    url: str


@strawberry.type
class Resource:
    """What a project has."""

    id: strawberry.Private[int]
    offering_id: strawberry.Private[int]
    plan_id: strawberry.Private[int | None]
    project_id: strawberry.Private[int]
    uuid: UUID
    name: str
    slug: str
    description: str
    state: int
    created: datetime
    modified: datetime
    backend_id: str
    effective_id: str
    attributes: JSON
    limits: JSON
    options: JSON | None
    current_usages: JSON
    backend_metadata: JSON
    report: JSON | None
    end_date: date | None
    end_date_updated_at: datetime | None
    last_sync: datetime | None
    cost: Decimal | None
    downscaled: bool
    paused: bool
    restrict_member_access: bool
    error_message: str
    error_traceback: str

    @strawberry.field
    async def offering(self, info: Info) -> Offering:
        """Give what it was ordered from."""
        return await info.context["loaders"].offering.load(self.offering_id)

    @strawberry.field
    async def plan(self, info: Info) -> Plan | None:
        """Give how it is paid for."""
        if self.plan_id is None:
            return None
        return await info.context["loaders"].plan.load(self.plan_id)

    @strawberry.field
    async def project(self, info: Info) -> Project:
        """Give whose it is."""
        return await info.context["loaders"].project.load(self.project_id)

    @strawberry.field
    async def endpoints(self, info: Info) -> list[Endpoint]:
        """Give where it can be reached."""
        return await info.context["loaders"].endpoints.load(self.id)

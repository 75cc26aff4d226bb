"""The plain peer's types; a field without a resolver is the row's column of that name."""
# mypy: disable-error-code="no-any-return"
# Resolvers return rows instead of instances of the types; strawberry reads their attributes.

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
    """A category of offerings."""

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
        """Return the organisation of the project."""
        return await info.context["loaders"].customer.load(self.customer_id)


@strawberry.type
class Component:
    """A metered component of an offering."""

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
    """The price of a component in a plan."""

    component_id: strawberry.Private[int | None]
    amount: int
    price: Decimal

    @strawberry.field
    async def component(self, info: Info) -> Component | None:
        """Return the component."""
        if self.component_id is None:
            return None
        return await info.context["loaders"].component.load(self.component_id)


@strawberry.type
class Plan:
    """A plan of an offering."""

    id: strawberry.Private[int]
    uuid: UUID
    name: str
    description: str
    unit: str
    unit_price: Decimal

    @strawberry.field
    async def components(self, info: Info) -> list[Price]:
        """Return the prices of components."""
        return await info.context["loaders"].prices.load(self.id)


@strawberry.type
class Offering:
    """An offering of the catalogue."""

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
        """Return the category."""
        return await info.context["loaders"].category.load(self.category_id)

    @strawberry.field
    async def provider(self, info: Info) -> Customer | None:
        """Return the organisation that provides the offering."""
        if self.customer_id is None:
            return None
        return await info.context["loaders"].customer.load(self.customer_id)

    @strawberry.field
    async def components(self, info: Info) -> list[Component]:
        """Return the components."""
        return await info.context["loaders"].components.load(self.id)

    @strawberry.field
    async def plans(self, info: Info) -> list[Plan]:
        """Return the plans."""
        return await info.context["loaders"].plans.load(self.id)


@strawberry.type
class Endpoint:
    """An access endpoint of a resource."""

    uuid: UUID
    name: str
    url: str


@strawberry.type
class Resource:
    """A resource of a project."""

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
        """Return the offering."""
        return await info.context["loaders"].offering.load(self.offering_id)

    @strawberry.field
    async def plan(self, info: Info) -> Plan | None:
        """Return the plan; None without one."""
        if self.plan_id is None:
            return None
        return await info.context["loaders"].plan.load(self.plan_id)

    @strawberry.field
    async def project(self, info: Info) -> Project:
        """Return the project."""
        return await info.context["loaders"].project.load(self.project_id)

    @strawberry.field
    async def endpoints(self, info: Info) -> list[Endpoint]:
        """Return the access endpoints."""
        return await info.context["loaders"].endpoints.load(self.id)

"""Previews of orders for new resources, and the input that previews and orders share."""

from gateway.marketplace.problems import Problem
from gateway.schema.enums import OrderState, PlanUnit
from gateway.schema.framework.publish import input_type, object_type
from gateway.schema.framework.scalars import JSON, UUID, Date, Decimal, Upload


@input_type
class CreateOrderInput:
    """Input of `createOrder` and `orderPreview`."""

    offering: UUID
    """UUID of the offering."""
    project: UUID
    """UUID of the project that the resource will belong to."""
    name: str
    """Name of the resource, at most 150 characters; see `suggestedResourceName`."""
    plan: UUID | None = None
    """UUID of a plan of the offering. Shared offerings require one."""
    attributes: JSON | None = None
    """Answers to the offering's order form, an object by option key of `Offering.options`.

    For a prepaid offering also `end_date`, which is required, and `prepaid_duration_months`; other
    resources may have an `end_date`, too.
    """
    limits: JSON | None = None
    """Limits of the resource, as an object from `Component.type` to number."""
    accept_terms_of_service: bool = False
    """Whether the viewer accepts the offering's terms of service; the consent is stored."""
    start_date: Date | None = None
    """Day before which the order is not carried out; it only matters if the order is reviewed."""
    request_comment: str | None = None
    """Comment for those who approve the order, at most 255 characters."""
    attachment: Upload | None = None
    """Purchase order, as a PDF file of at most 10 MB."""
    idempotency_key: str | None = None
    """Idempotency key chosen by the client, of 1 to 255 characters.

    Within 24 hours, a repeated mutation of the same user with the same key and input returns the
    first one's order instead of placing another; with other input it returns `Conflict`. Over a
    real Waldur it returns `Unavailable` while it is not known what came of the first one, and
    `Conflict` if that is not certain. A preview ignores it.
    """


@object_type
class OrderPreview:
    """What would come of `createOrder` with the same input; nothing is stored."""

    problems: list[Problem]
    """All reasons for which the order would be refused, one for each rule.

    One `InvalidInput` has all invalid values. Empty if the order would be accepted.
    """
    cost: Decimal | None = None
    """What the order would cost, without tax.

    It is the cost of the plan's first period, of what is billed once, and of prepaid components.
    Null without a plan, and if the input names objects that are not visible.
    """
    period_cost: Decimal | None = None
    """What each period of the plan would cost with the limits; null like `cost`."""
    plan_unit: PlanUnit | None = None
    """Length of a period of the plan."""
    end_date: Date | None = None
    """End date that the resource would have; null without one."""
    prepaid_months: int | None = None
    """Number of months that would be paid in advance; null unless the offering is prepaid."""
    state: OrderState | None = None
    """State that the order would have after `createOrder`."""
    review_states: list[OrderState] | None = None
    """States in which the order would wait for a review, by the consumer or by the provider.

    `PENDING_CONSUMER`, `PENDING_PROVIDER`, both or none.
    """

"""Renewing a prepaid resource (domain.md §5.6)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gateway.db.driver.date_spelling import parse_stored_date
from gateway.marketplace.attachments import store_attachment
from gateway.marketplace.billing import renewal_pricing
from gateway.marketplace.billing.limits import check_limits
from gateway.marketplace.billing.plan_cost import load_priced_components
from gateway.marketplace.operation_rules import ResourceOperation
from gateway.marketplace.orders.place import OrderRequest, check_request_comment, place_order
from gateway.marketplace.problems import raise_problem
from gateway.marketplace.rows import ResourceRow
from gateway.marketplace.table_row import JsonObject
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class RenewalRequest:
    """Client's request to renew a resource."""

    uuid: str
    extension_months: int
    limits: Any = None
    """New limits as JSON; None or an empty object keeps the current ones."""
    request_comment: str | None = None
    attachment: bytes | None = None
    """Purchase order as a PDF file."""
    if_modified: str | None = None


async def order_renewal(unit_of_work: UnitOfWork, renewal_request: RenewalRequest) -> ChangeResult:
    """Place an order to renew a resource."""
    facts = await unit_of_work.lock_resource(
        renewal_request.uuid, ResourceOperation.RENEW_RESOURCE, renewal_request.if_modified
    )
    raise_problem(check_request_comment(renewal_request.request_comment))
    resource = await unit_of_work.load_row(ResourceRow, facts.id)
    components = await load_priced_components(unit_of_work, facts.offering_id, resource.plan_id)
    months, limits = renewal_request.extension_months, renewal_request.limits
    raise_problem(renewal_pricing.check_renewal_input(months, limits, components))
    raise_problem(renewal_pricing.check_renewal_months(months, components))
    limits = limits or resource.limits
    raise_problem(await check_limits(unit_of_work, facts, limits))
    order_request = _build_order_request(unit_of_work, resource, renewal_request, limits)
    order_request.cost = _compute_cost(components, limits, months)
    order_request.attachment = await store_attachment(unit_of_work, renewal_request.attachment)
    return ChangeResult(facts.id, await place_order(unit_of_work, facts, resource, order_request))


def _build_order_request(
    unit_of_work: UnitOfWork,
    resource: ResourceRow,
    renewal_request: RenewalRequest,
    limits: JsonObject,
) -> OrderRequest:
    end_date = parse_stored_date(resource.end_date) if resource.end_date else None
    return OrderRequest(
        attributes={
            "name": resource.name,
            "action": "renew",
            "old_limits": resource.limits,
            "old_end_date": resource.end_date,
            "new_end_date": renewal_pricing.compute_renewal_end(
                end_date, renewal_request.extension_months, unit_of_work.today
            ).isoformat(),
            "extension_months": renewal_request.extension_months,
        },
        limits=limits,
        cost=None,
        request_comment=renewal_request.request_comment,
    )


def _compute_cost(
    components: Iterable[renewal_pricing.PricedComponent], limits: JsonObject, months: int
) -> str | None:
    """Return the cost that is paid in advance: 0 without a plan; None if a price is NaN."""
    amounts = renewal_pricing.parse_limits(limits)
    try:
        return str(renewal_pricing.compute_renewal_cost(components, amounts, months))
    except renewal_pricing.UnpricedComponentError:
        return None

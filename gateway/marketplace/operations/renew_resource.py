"""Having what is paid for in advance for longer (domain.md §5.6)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.db import tables
from gateway.marketplace.attachments import kept
from gateway.marketplace.billing import renewal_pricing
from gateway.marketplace.billing.limits import check_limits
from gateway.marketplace.billing.plan_cost import priced
from gateway.marketplace.idempotency import once
from gateway.marketplace.orders.place import Wish, place
from gateway.marketplace.preconditions import ResourceOperation
from gateway.marketplace.problems import invalid, refuse
from gateway.marketplace.unit_of_work import Change, Changed

LONGEST_COMMENT = 255


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """What a client asks for."""

    uuid: str
    months: int
    limits: Any = None
    comment: str | None = None
    attachment: bytes | None = None
    """A PDF."""
    key: str | None = None
    """Under this key the same is done but once."""
    modified: str | None = None


async def renew(change: Change, asked: Renewal) -> Changed:
    """Order that a resource goes on for some months."""
    return await once(change, asked.key, asked, lambda: _renew(change, asked))


async def _renew(change: Change, asked: Renewal) -> Changed:
    facts = await change.resource(asked.uuid, ResourceOperation.RENEW_RESOURCE, asked.modified)
    if asked.comment is not None and len(asked.comment) > LONGEST_COMMENT:
        refuse(invalid("requestComment", message=f"Give at most {LONGEST_COMMENT} characters."))
    resource = await change.row(tables.resource, facts.id)
    components = await priced(change, facts.offering_id, resource.plan_id)
    refuse(renewal_pricing.invalid_input(asked.months, asked.limits, components))
    refuse(renewal_pricing.invalid_months(asked.months, components))
    limits = resource.limits if asked.limits is None else asked.limits
    refuse(await check_limits(change, facts, limits))
    wish = _wish(change, resource, asked, limits)
    wish.cost = _cost(components, resource, limits, asked.months)
    wish.attachment = await kept(change, asked.attachment)
    return Changed(facts.id, await place(change, facts, resource, wish))


def _wish(change: Change, resource: Any, asked: Renewal, limits: Any) -> Wish:
    end = resource.end_date and date.fromisoformat(resource.end_date)
    return Wish(
        attributes={
            "name": resource.name,
            "action": "renew",
            "old_limits": resource.limits,
            "old_end_date": resource.end_date,
            "new_end_date": renewal_pricing.end_of_renewal(
                end, asked.months, change.today
            ).isoformat(),
            "extension_months": asked.months,
        },
        limits=limits,
        cost=None,
        request_comment=asked.comment,
    )


def _cost(components: Any, resource: Any, limits: Any, months: int) -> str | None:
    """Give what is paid in advance; None without a plan."""
    if resource.plan_id is None:
        return None
    current, wanted = renewal_pricing.numbers(resource.limits), renewal_pricing.numbers(limits)
    return str(
        renewal_pricing.total(renewal_pricing.subscriptions(components, current, wanted, months))
    )

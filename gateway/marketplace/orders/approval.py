"""Approval rules: what an order waits for on its way to execution (domain.md §6.3).

`find_consumer_reviewer` decides whether the consumer has to review a new order. From then on
`find_next_state` decides: an order passes the states of `_WAITING_CONDITIONS` in their order, and
stops at the first one whose condition holds.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gateway.db import tables
from gateway.db.access.site_settings import decode_stored_setting
from gateway.db.access.token_scopes import RoleScope
from gateway.db.access.viewer import Viewer
from gateway.db.driver.date_spelling import parse_stored_date
from gateway.db.driver.statement import Statement
from gateway.db.installation.version_rules import VersionRules
from gateway.db.queries.marketplace_checks import (
    SELECT_PERMISSION_EXISTS,
    SELECT_ROLE_EXISTS,
    SELECT_SITE_SETTING,
)
from gateway.db.tables.codes import BillingType, OrderState, OrderType
from gateway.marketplace.billing.plan_cost import estimate_plan_cost
from gateway.marketplace.eligibility import get_option
from gateway.marketplace.preconditions import (
    CONSUMER_SCOPES,
    PROVIDER_SCOPES,
    has_listed_role,
    has_option,
    is_private_offering,
    provider_scope,
)
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.rows import (
    ComponentRow,
    OrderRow,
    ProjectOrderAutoApprovalRow,
    ResourceRow,
)
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import UnitOfWork

_REVIEWED_OFFERING_TYPES = ("Marketplace.Slurm", "Marketplace.Basic")
"""Offering types whose providers review each order."""
_PROVIDER_ROLES = ("CUSTOMER.OWNER", "OFFERING.MANAGER")
"""Roles whose remote orders need no review by the provider."""
_SCOPE_MODELS = {
    "project": ("structure", "project"),
    "customer": ("structure", "customer"),
    "offering": ("marketplace", "offering"),
}
"""Content types of the scopes of roles."""


def needs_purchase_order(
    facts: ResourceFacts, order: OrderRow, version_rules: VersionRules
) -> bool:
    """Return whether an order can't be approved for lack of the purchase order that it needs."""
    is_exempt = (
        order.type is OrderType.TERMINATE and not version_rules.terminations_need_purchase_order
    )
    is_required = has_option(facts, "require_purchase_order_upload") and not is_exempt
    return is_required and not order.attachment


async def find_consumer_reviewer(
    unit_of_work: UnitOfWork, facts: ResourceFacts, resource: ResourceRow, order: OrderRow
) -> int | None:
    """Return the user who approves the viewer's new order for the consumer at once.

    None if the order waits for the consumer's review. A preview's `resource` is not stored.
    Automatic approval is the user's: the scopes of a personal access token don't matter to it.
    """
    version_rules = unit_of_work.installation.version_rules
    if needs_purchase_order(facts, order, version_rules):
        return None
    viewer = unit_of_work.viewer.without_token
    if viewer.acts_as_staff(None):
        return unit_of_work.actor_id
    if _is_approval_disabled(facts, order, version_rules):
        return None
    if _is_approved_by_creation(viewer, facts, order):
        return unit_of_work.actor_id
    return await _find_rule_creator(unit_of_work, facts, resource, order)


def _is_approval_disabled(
    facts: ResourceFacts, order: OrderRow, version_rules: VersionRules
) -> bool:
    """Return whether the offering disables each automatic approval of an order."""
    is_disabled = bool(get_option(facts.plugin_options, "disable_autoapprove"))
    is_covered = version_rules.disables_every_autoapproval
    return is_disabled and is_covered and order.type is not OrderType.TERMINATE


def _is_approved_by_creation(viewer: Viewer, facts: ResourceFacts, order: OrderRow) -> bool:
    """Return whether the viewer, who is not staff, may approve the order for the consumer."""
    role_scopes = [each(facts) for each in CONSUMER_SCOPES]
    if is_private_offering(facts):
        return viewer.has_permission("ORDER.APPROVE_PRIVATE", *role_scopes)
    is_provider_termination = order.type is OrderType.TERMINATE and viewer.has_role(
        ("CUSTOMER.OWNER",), provider_scope(facts)
    )
    return (
        is_provider_termination
        or viewer.has_permission("ORDER.APPROVE", *role_scopes)
        or has_listed_role(viewer, facts, "auto_approve_for_roles")
        or _is_own_offering(facts)
    )


def _is_own_offering(facts: ResourceFacts) -> bool:
    """Return whether the consumer is the provider and the offering approves that automatically."""
    is_own = facts.shared and facts.provider_id == facts.customer_id
    is_automatic = has_option(facts, "auto_approve_in_service_provider_projects")
    return is_own and is_automatic and not get_option(facts.plugin_options, "disable_autoapprove")


async def _find_rule_creator(
    unit_of_work: UnitOfWork, facts: ResourceFacts, resource: ResourceRow, order: OrderRow
) -> int | None:
    """Return the creator of a rule of the project that approves the order; None without one."""
    is_ruled = not unit_of_work.installation.lacks_table(tables.project_order_auto_approval)
    if not is_ruled or is_private_offering(facts):
        return None
    rules = await unit_of_work.load_rows(
        ProjectOrderAutoApprovalRow, project_id=facts.project_id, enabled=True
    )
    if not rules or await unit_of_work.load_rows(
        ComponentRow, offering_id=facts.offering_id, billing_type=BillingType.USAGE
    ):
        return None
    values = ColumnValues(ResourceRow, plan_id=order.plan_id, limits=order.limits)
    cost = await estimate_plan_cost(unit_of_work, values.apply_to(resource))
    for rule in rules:
        if await _approves_cost(unit_of_work, facts, rule, cost):
            return rule.created_by_id
    return None


async def _approves_cost(
    unit_of_work: UnitOfWork,
    facts: ResourceFacts,
    rule: ProjectOrderAutoApprovalRow,
    cost: str | None,
) -> bool:
    """Return whether a rule covers a cost and its creator may still approve orders."""
    limit = Decimal(rule.monthly_cost_limit)
    if cost is None or not limit.is_finite() or Decimal(cost) > limit:
        return False
    scopes = [each(facts) for each in CONSUMER_SCOPES]
    return await _is_authorised(
        unit_of_work, SELECT_PERMISSION_EXISTS, rule.created_by_id, ("ORDER.APPROVE",), scopes
    )


async def _is_authorised(
    unit_of_work: UnitOfWork,
    statement: Statement,
    user_id: int | None,
    names: Sequence[str],
    scopes: Sequence[RoleScope],
) -> bool:
    """Return whether a user is staff, or has one of the permissions or roles on one of the scopes.

    `statement` is the one that selects permissions, or the one that selects roles.
    """
    get_content_type = unit_of_work.installation.content_type_id
    parameters = {
        "user_id": user_id or 0,
        "names": list(names),
        "content_type_ids": [get_content_type(*_SCOPE_MODELS[name]) for name, _ in scopes],
        "object_ids": [id_ or 0 for _, id_ in scopes],
    }
    ((is_authorised,),) = await unit_of_work.writer.execute_statement(statement, parameters)
    return bool(is_authorised)


@dataclass(frozen=True)
class OrderProgress:
    """Order on its way to execution, with its latest review."""

    unit_of_work: UnitOfWork
    facts: ResourceFacts
    order: OrderRow
    is_new: bool
    """Whether the order is just being placed."""


async def _waits_for_project(progress: OrderProgress) -> bool:
    return _is_in_future(progress.facts.project_start, progress.unit_of_work.today)


async def _waits_for_provider(progress: OrderProgress) -> bool:
    """Return whether the provider has to approve the order."""
    facts = progress.facts
    if facts.offering_type == "Waldur.RemoteOffering":
        return not (
            has_option(facts, "auto_approve_remote_orders")
            or await _is_reviewed_by_provider(progress)
        )
    if facts.offering_type == "Marketplace.Script":
        return get_option(facts.plugin_options, "auto_approve_marketplace_script") is False
    return facts.offering_type in _REVIEWED_OFFERING_TYPES


async def _is_reviewed_by_provider(progress: OrderProgress) -> bool:
    """Return whether the consumer's reviewer is staff, or has a role of the provider."""
    order = progress.order
    return await _is_authorised(
        progress.unit_of_work,
        SELECT_ROLE_EXISTS,
        order.consumer_reviewed_by_id or order.created_by_id,
        _PROVIDER_ROLES,
        [each(progress.facts) for each in PROVIDER_SCOPES],
    )


async def _waits_for_start_date(progress: OrderProgress) -> bool:
    """Return whether the order's own start date is ahead; it is not considered at its creation."""
    unit_of_work = progress.unit_of_work
    if progress.is_new or not _is_in_future(progress.order.start_date, unit_of_work.today):
        return False
    return await has_start_dates(unit_of_work)


async def has_start_dates(unit_of_work: UnitOfWork) -> bool:
    """Return whether the marketplace has switched start dates of orders on."""
    if unit_of_work.installation.lacks_table(tables.constance):
        return False
    rows = await unit_of_work.writer.execute_statement(
        SELECT_SITE_SETTING, {"key": "ENABLE_ORDER_START_DATE"}
    )
    return any(decode_stored_setting(value) is True for (value,) in rows if value is not None)


def _is_in_future(day: str | None, today: date) -> bool:
    return day is not None and parse_stored_date(day) > today


_WAITING_CONDITIONS: Mapping[OrderState, Callable[[OrderProgress], Awaitable[bool]]] = {
    OrderState.PENDING_PROJECT: _waits_for_project,
    OrderState.PENDING_PROVIDER: _waits_for_provider,
    OrderState.PENDING_START_DATE: _waits_for_start_date,
}
"""Whether an order waits in a state, in the order in which orders pass the states."""


async def forecast_order(
    unit_of_work: UnitOfWork, facts: ResourceFacts, resource: ResourceRow, order: OrderRow
) -> tuple[OrderState, list[OrderState]]:
    """Return the state in which a new order is placed, and those in which it is reviewed."""
    reviewer_id = await find_consumer_reviewer(unit_of_work, facts, resource, order)
    review = ColumnValues(OrderRow, consumer_reviewed_by_id=reviewer_id)
    progress = OrderProgress(unit_of_work, facts, review.apply_to(order), is_new=True)
    review_states = [] if reviewer_id is not None else [OrderState.PENDING_CONSUMER]
    if await _waits_for_provider(progress):
        review_states.append(OrderState.PENDING_PROVIDER)
    is_approved = reviewer_id is not None
    state = await find_next_state(progress) if is_approved else OrderState.PENDING_CONSUMER
    return state, review_states


async def find_next_state(progress: OrderProgress) -> OrderState:
    """Return the state after the one in which an order has waited until now."""
    states = [OrderState.PENDING_CONSUMER, *_WAITING_CONDITIONS]
    for state in states[states.index(progress.order.state) + 1 :]:
        if await _WAITING_CONDITIONS[state](progress):
            return state
    return OrderState.EXECUTING

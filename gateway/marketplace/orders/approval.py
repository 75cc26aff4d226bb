"""Approval rules: whether an order needs review by the consumer or the provider.

Source: domain.md §6.3.
"""

from datetime import date

from gateway.db.driver.date_spelling import parse_stored_date
from gateway.db.queries.marketplace_checks import SELECT_ROLE_EXISTS
from gateway.db.tables.codes import OrderState
from gateway.marketplace.eligibility import get_option
from gateway.marketplace.preconditions import (
    customer_scope,
    is_private_offering,
    offering_scope,
    project_scope,
    provider_scope,
)
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.unit_of_work import UnitOfWork

_REVIEWED_OFFERING_TYPES = ("Marketplace.Slurm", "Marketplace.Basic")
"""Offering types whose providers review each order."""


async def has_consumer_approval(
    unit_of_work: UnitOfWork, facts: ResourceFacts, *, has_attachment: bool
) -> bool:
    """Return whether the viewer's order needs no further approval by the consumer.

    `has_attachment` is whether a purchase order is attached.
    """
    viewer, role_scopes = unit_of_work.viewer, (project_scope(facts), customer_scope(facts))
    if (
        get_option(facts.plugin_options, "require_purchase_order_upload") is True
        and not has_attachment
    ):
        return False
    if viewer.is_staff or (
        is_private_offering(facts) and viewer.has_permission("ORDER.APPROVE_PRIVATE", *role_scopes)
    ):
        return True
    if _is_own_offering(facts) or viewer.has_permission("ORDER.APPROVE", *role_scopes):
        return True
    return await _has_approving_role(unit_of_work, facts)


def _is_own_offering(facts: ResourceFacts) -> bool:
    """Return whether the consumer is the provider and the offering approves that automatically."""
    is_own = facts.shared and facts.provider_id == facts.customer_id
    is_automatic = (
        get_option(facts.plugin_options, "auto_approve_in_service_provider_projects") is True
    )
    return is_own and is_automatic and not get_option(facts.plugin_options, "disable_autoapprove")


async def _has_approving_role(unit_of_work: UnitOfWork, facts: ResourceFacts) -> bool:
    """Return whether the viewer has a role whose orders the offering approves automatically."""
    names = get_option(facts.plugin_options, "auto_approve_for_roles")
    if not isinstance(names, list) or not names:
        return False
    get_content_type = unit_of_work.installation.content_type_id
    scope_types = [get_content_type("structure", model) for model in ("project", "customer")]
    parameters = {
        "user_id": unit_of_work.actor_id or 0,
        "names": [str(each) for each in names],
        "content_type_ids": scope_types,
        "object_ids": [facts.project_id, facts.customer_id],
    }
    ((has_role,),) = await unit_of_work.writer.execute_statement(SELECT_ROLE_EXISTS, parameters)
    return bool(has_role)


def get_state_after_consumer(
    unit_of_work: UnitOfWork, facts: ResourceFacts, start_date: str | None
) -> OrderState:
    """Return the state of an order after the consumer's approval.

    `start_date` is the order's own start date; None without one.
    """
    if _is_in_future(facts.project_start, unit_of_work.today):
        return OrderState.PENDING_PROJECT
    if _is_in_future(start_date, unit_of_work.today):
        return OrderState.PENDING_START_DATE
    return (
        OrderState.PENDING_PROVIDER
        if _needs_provider_review(unit_of_work, facts)
        else OrderState.EXECUTING
    )


def _is_in_future(day: str | None, today: date) -> bool:
    return day is not None and parse_stored_date(day) > today


def _needs_provider_review(unit_of_work: UnitOfWork, facts: ResourceFacts) -> bool:
    """Return whether the provider has to approve the order."""
    options = facts.plugin_options
    if facts.offering_type == "Waldur.RemoteOffering":
        can_approve = unit_of_work.viewer.has_permission(
            "ORDER.APPROVE", provider_scope(facts), offering_scope(facts)
        )
        return not (get_option(options, "auto_approve_remote_orders") is True or can_approve)
    if facts.offering_type == "Marketplace.Script":
        return get_option(options, "auto_approve_marketplace_script") is False
    return facts.offering_type in _REVIEWED_OFFERING_TYPES

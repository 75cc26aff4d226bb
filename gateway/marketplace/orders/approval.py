"""Who has to approve an order before it is carried out (domain.md §6.3)."""

from datetime import date
from typing import Any

from gateway.db.queries.marketplace_checks import has_role
from gateway.marketplace.eligibility import option
from gateway.marketplace.preconditions import customer, offering, private, project, provider
from gateway.marketplace.resource_facts import Facts
from gateway.marketplace.states import OrderState
from gateway.marketplace.unit_of_work import Change

_ALWAYS = ("Marketplace.Slurm", "Marketplace.Basic")
"""The types of offerings whose providers look at each order."""


async def consumer_approves(change: Change, facts: Facts, *, attached: bool) -> bool:
    """Tell whether an order that the viewer places needs no approval by the consumer's people.

    `attached` says whether it comes with a purchase order.
    """
    viewer, places = change.viewer, (project(facts), customer(facts))
    if option(facts.plugin_options, "require_purchase_order_upload") is True and not attached:
        return False
    if viewer.staff or (private(facts) and viewer.may("ORDER.APPROVE_PRIVATE", *places)):
        return True
    if _own(facts) or viewer.may("ORDER.APPROVE", *places):
        return True
    return await _by_role(change, facts)


def _own(facts: Facts) -> bool:
    """Tell whether an organisation orders what it provides itself, and that needs no approval."""
    own = facts.shared and facts.provider_id == facts.customer_id
    automatic = option(facts.plugin_options, "auto_approve_in_service_provider_projects") is True
    return own and automatic and not option(facts.plugin_options, "disable_autoapprove")


async def _by_role(change: Change, facts: Facts) -> bool:
    """Tell whether the viewer has a role whose orders the provider approves unseen."""
    names = option(facts.plugin_options, "auto_approve_for_roles")
    if not isinstance(names, list) or not names:
        return False
    types = change.installation.content_type
    scopes = [
        (types("structure", "project"), facts.project_id),
        (types("structure", "customer"), facts.customer_id),
    ]
    asked = has_role(change.actor or 0, [str(each) for each in names], scopes)
    ((held,),) = await change.writer.find(asked)
    return bool(held)


def after_consumer(change: Change, facts: Facts, start: str | None) -> OrderState:
    """Give the state of an order that those who pay have approved; it may have a `start`."""
    if _ahead(facts.project_start, change.today):
        return OrderState.PENDING_PROJECT
    if _ahead(start, change.today):
        return OrderState.PENDING_START_DATE
    return OrderState.PENDING_PROVIDER if _reviewed(change, facts) else OrderState.EXECUTING


def _ahead(day: str | None, today: date) -> bool:
    return day is not None and date.fromisoformat(day) > today


def _reviewed(change: Change, facts: Facts) -> bool:
    """Tell whether the provider is to look at an order."""
    options: Any = facts.plugin_options
    if facts.offering_type == "Waldur.RemoteOffering":
        known = change.viewer.may("ORDER.APPROVE", provider(facts), offering(facts))
        return not (option(options, "auto_approve_remote_orders") is True or known)
    if facts.offering_type == "Marketplace.Script":
        return option(options, "auto_approve_marketplace_script") is False
    return facts.offering_type in _ALWAYS

"""Rules of the marketplace that forbid an order for a new resource (rules.md §3)."""

from collections.abc import AsyncIterator, Iterator

from gateway.db.queries.creation_checks import SELECT_PROJECT_COUNTS
from gateway.db.tables.codes import OfferingState
from gateway.marketplace.creation.order_draft import OrderDraft
from gateway.marketplace.preconditions import (
    ORDER_PRECONDITIONS,
    require_consent,
    require_order_creation,
)
from gateway.marketplace.problems import NotPossible, Problem, Reason
from gateway.marketplace.table_row import JsonObject
from gateway.marketplace.unit_of_work import UnitOfWork

GENERIC_OFFERING_TYPES = frozenset(
    {
        "Marketplace.Basic",
        "Support.OfferingTemplate",
        "Marketplace.Script",
        "Marketplace.Slurm",
        "Waldur.RemoteOffering",
    }
)
"""Types of offerings whose orders are checked by the offering's own form alone.

The plugins of all others have validators of their own, which read their backends' tables.
"""


async def find_broken_rules(unit_of_work: UnitOfWork, draft: OrderDraft) -> AsyncIterator[Problem]:
    """Yield the problems of all rules that forbid the order, the most general first."""
    preconditions = [require_order_creation, *ORDER_PRECONDITIONS]
    if not draft.request.accept_terms_of_service:
        preconditions.insert(1, require_consent)
    problems = [
        precondition(unit_of_work.viewer, draft.facts, unit_of_work.current_rules)
        for precondition in preconditions
    ]
    for problem in (*problems, *_check_offering(unit_of_work, draft)):
        if problem is not None:
            yield problem
    async for problem in _check_project(unit_of_work, draft):
        yield problem


def _check_offering(unit_of_work: UnitOfWork, draft: OrderDraft) -> Iterator[Problem]:
    if not unit_of_work.uses_rest_api and not has_generic_type(draft):
        yield NotPossible(
            message=(
                f"Offerings of the type {draft.offering.type} can't be ordered here: their plugin"
                " checks orders against its backend. Order in Waldur."
            ),
            reason=Reason.ORDERING_UNSUPPORTED,
        )
    if draft.facts.offering_state == OfferingState.PAUSED:
        yield NotPossible(
            message="The offering accepts no orders for new resources: it is paused.",
            reason=Reason.OFFERING_CLOSED,
        )


async def _check_project(unit_of_work: UnitOfWork, draft: OrderDraft) -> AsyncIterator[Problem]:
    """Yield the rules of the offering that the project or its team does not meet."""
    options = draft.offering.plugin_options
    role_name = options.get("required_team_role_for_provisioning")
    member_count, has_role, resource_count = await _load_counts(unit_of_work, draft, role_name)
    min_members = _get_count(options, "minimal_team_count_for_provisioning")
    if min_members is not None and member_count < min_members:
        message = f"The project's team must have at least {min_members} members."
        yield NotPossible(message=message, reason=Reason.TEAM_TOO_SMALL)
    if isinstance(role_name, str) and role_name and not has_role:
        message = f"The viewer must have the role {role_name} in the project."
        yield NotPossible(message=message, reason=Reason.TEAM_ROLE_REQUIRED)
    max_resources = _get_count(options, "maximal_resource_count_per_project")
    if max_resources is not None and resource_count >= max_resources:
        message = f"A project can have at most {max_resources} resources of the offering."
        yield NotPossible(message=message, reason=Reason.RESOURCE_COUNT_REACHED)


def has_generic_type(draft: OrderDraft) -> bool:
    """Return whether the order form of the offering is all that decides about its orders."""
    return draft.offering.type in GENERIC_OFFERING_TYPES


def _get_count(options: JsonObject, name: str) -> int | None:
    """Return an option that is a whole number; None for any other value."""
    value = options.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


async def _load_counts(
    unit_of_work: UnitOfWork, draft: OrderDraft, role_name: object
) -> tuple[int, bool, int]:
    """Return the team's size, whether the viewer has a role, and the number of live resources."""
    parameters = {
        "project_id": draft.project.id,
        "project_type_id": unit_of_work.installation.content_type_id("structure", "project"),
        "offering_id": draft.offering.id,
        "user_id": unit_of_work.actor_id or 0,
        "role_name": role_name if isinstance(role_name, str) else "",
    }
    (counts,) = await unit_of_work.writer.execute_statement(SELECT_PROJECT_COUNTS, parameters)
    member_count, has_role, resource_count = counts
    return int(member_count), bool(has_role), int(resource_count)

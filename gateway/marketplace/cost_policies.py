"""Cost policies: they forbid to change or create resources while a limit is exceeded.

Waldur checks them when a resource is saved (rules.md §0). Here `side_effects.save_resource` does,
for each save. The preconditions of the operations on a resource contain the same check, so that
`allowedOperations` agrees, and that an operation is refused before its input is validated.
"""

from decimal import Decimal
from typing import Any

import msgspec

from gateway.db import tables
from gateway.db.installation.version_rules import VersionRules
from gateway.db.queries.aggregates import (
    CREATION_POLICIES_BY_PROJECT,
    MODIFICATION_POLICIES_BY_PROJECT,
)
from gateway.db.sql.aggregate import Aggregate, AggregateValue
from gateway.db.tables.codes import PolicyPeriod
from gateway.loaders.read_loader import QueryParameters, ReadLoader
from gateway.marketplace.problems import NotPossible, Reason
from gateway.marketplace.resource_facts import load_aggregate_value


class _PolicyRecord(msgspec.Struct, array_like=True):
    """Policy whose limit is exceeded, as an array of `POLICY_COLUMNS`."""

    scope: str
    period: int | None
    limit_cost: int
    resource_id: int | None
    """The only resource that the policy applies to; None if it applies to all of its scope."""


_decode_policies = msgspec.json.Decoder(list[_PolicyRecord]).decode
_PERIOD_TEXTS: dict[int | None, str] = {
    PolicyPeriod.MONTH: "the cost of the current month",
    PolicyPeriod.QUARTER: "the cost of the last three months",
    PolicyPeriod.YEAR: "the cost of the last twelve months",
}


def find_modification_problem(policies_json: str | None, resource_id: int) -> NotPossible | None:
    """Return the problem of the first policy that forbids to change a resource; None without one.

    `policies_json` has the exceeded policies of the resource's project.
    """
    return _find_problem(policies_json, resource_id, "changes of resources", "exceeds")


async def load_modification_problem(
    loader: ReadLoader, project_id: int, resource_id: int
) -> NotPossible | None:
    """Return the problem of a policy that now forbids to change a resource of a project."""
    policies_json = await _load_policies(loader, MODIFICATION_POLICIES_BY_PROJECT, project_id)
    return find_modification_problem(policies_json, resource_id)


async def load_creation_problem(
    loader: ReadLoader,
    version_rules: VersionRules,
    *,
    project_id: int,
    offering_id: int,
    cost: Decimal,
) -> NotPossible | None:
    """Return the problem of a policy that forbids a new resource; None without one.

    `cost` is what the resource will cost for one period of its plan. In October 2024 it does not
    count, and only policies of projects and organisations forbid new resources.
    """
    is_projected = version_rules.projects_cost_of_creation
    parameters = {
        "offering_id": str(offering_id) if is_projected else None,
        "added_cost": str(cost) if is_projected else "0",
    }
    policies_json = await _load_policies(
        loader, CREATION_POLICIES_BY_PROJECT, project_id, parameters
    )
    verb = "would exceed" if is_projected else "exceeds"
    return _find_problem(policies_json, None, "new resources", verb)


async def _load_policies(
    loader: ReadLoader,
    aggregate: Aggregate,
    project_id: int,
    parameters: QueryParameters | None = None,
) -> Any:
    value = AggregateValue(aggregate, "all", tables.resource.c.project_id)
    return await load_aggregate_value(loader, value, project_id, parameters)


def _find_problem(
    policies_json: str | None, resource_id: int | None, operation_text: str, verb: str
) -> NotPossible | None:
    if policies_json is None:
        return None
    for policy in _decode_policies(policies_json):
        if policy.resource_id in (None, resource_id):
            period_text = _PERIOD_TEXTS.get(policy.period, "the total cost")
            message = (
                f"A cost policy of the {policy.scope} forbids {operation_text}: "
                f"{period_text} {verb} the limit of {policy.limit_cost}."
            )
            return NotPossible(message=message, reason=Reason.COST_POLICY)
    return None

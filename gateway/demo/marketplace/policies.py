"""Cost policies of the demo marketplace, one of each kind, and one of usage.

The limit of the project's policy is exceeded. It applies to one resource only, which therefore
can't be changed; that of the organisation and that of the offering are far from their limits.
"""

from collections.abc import Iterable, Sequence

from gateway.db import tables
from gateway.db.tables.codes import PolicyAction, PolicyPeriod, ResourceState
from gateway.demo.marketplace.market import DemoMarket
from gateway.demo.marketplace.placement import OLDEST_PLACEMENTS
from gateway.demo.marketplace.resources import DemoResource
from gateway.demo.marketplace.rows import RowWriter

_CUSTOMER, _OFFERING, _GROUP = "vesterlund", "Archive vault", "Universities"
"""Scopes of the policies, and the group whose use of the offering is limited."""
_BLOCK_ALL = ",".join(PolicyAction)
_DISTANT_LIMIT, _AGE_DAYS = 10_000_000, 90


def add_policies(writer: RowWriter, market: DemoMarket, resources: Sequence[DemoResource]) -> None:
    """Add the policies; that of a project only if there is a resource which it can apply to."""
    _add_project_policies(writer, market, resources)
    _add_customer_policy(writer, market)
    _add_offering_policies(writer, market)


def _add_project_policies(
    writer: RowWriter, market: DemoMarket, resources: Sequence[DemoResource]
) -> None:
    for resource in _select_limited(writer, resources):
        writer.add_row(
            tables.project_cost_policy,
            scope_id=resource.placement.project.key,
            resource_id=resource.key,
            limit_cost=0,
            period=PolicyPeriod.MONTH,
            actions=_BLOCK_ALL,
            has_fired=True,
            fired_datetime=writer.days_ago(0),
            created_by_id=market.customers.owner_ids[_CUSTOMER],
            use_credit=True,
            created=writer.days_ago(_AGE_DAYS),
        )


def _add_customer_policy(writer: RowWriter, market: DemoMarket) -> None:
    customers = market.customers
    writer.add_row(
        tables.customer_cost_policy,
        scope_id=customers.customer_ids[_CUSTOMER],
        limit_cost=_DISTANT_LIMIT,
        period=PolicyPeriod.YEAR,
        actions=f"notify_organization_owners,{_BLOCK_ALL}",
        created_by_id=customers.owner_ids[_CUSTOMER],
        created=writer.days_ago(_AGE_DAYS),
    )


def _add_offering_policies(writer: RowWriter, market: DemoMarket) -> None:
    offering = next(each for each in market.offerings if each.spec.name == _OFFERING)
    policy_id = writer.add_row(
        tables.offering_cost_policy,
        scope_id=offering.key,
        limit_cost=_DISTANT_LIMIT,
        period=PolicyPeriod.QUARTER,
        actions=PolicyAction.BLOCK_CREATION,
        created=writer.days_ago(_AGE_DAYS),
    )
    writer.add_row(
        tables.offering_cost_policy_group,
        offeringestimatedcostpolicy_id=policy_id,
        organizationgroup_id=market.customers.group_ids[_GROUP],
    )
    writer.add_row(
        tables.slurm_usage_policy, scope_id=offering.key, created=writer.days_ago(_AGE_DAYS)
    )


def _select_limited(writer: RowWriter, resources: Sequence[DemoResource]) -> Iterable[DemoResource]:
    """Return the last resource of the organisation that is in use and on this month's invoice."""
    month = writer.reference_day.replace(day=1)
    candidates = [
        each
        for each in resources[len(OLDEST_PLACEMENTS) :]
        if each.placement.project.customer_slug == _CUSTOMER
        and each.state is ResourceState.OK
        and each.cost
        and each.created.date() <= month
    ]
    return candidates[-1:]

"""How installations differ in who sees what, one line a difference (domain.md §0.4, §4)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """The rules of an installation."""

    year: int
    resource_permission: str | None
    """What a role must carry for its resources to be seen by consumers (§4.4); none: any role."""
    project_permission: str | None
    """What a role must carry for its projects to be seen (§4.10); none: any role."""
    offering_roles_provide: bool
    """Whether roles on an offering or a service provider give the provider's view (§4.5)."""
    order_permission: str | None
    """What a role must carry for its orders to be seen (§4.9); none: any role."""
    in_progress: tuple[int, ...]
    """The states of orders that are in progress (§2.3)."""
    usage_outside_plans: bool
    """Whether usage outside of plans' periods counts toward limits (§3.2)."""
    unlimited_usage: str | None
    """What the usage of limits is where there are none, as JSON (§3.2)."""
    numbered_names: bool
    """Whether every suggested name has a number, and providers have no say in it (§5.19)."""
    resource_roles: bool
    """Whether there are roles on single resources (§4.4)."""
    role_restricted_offerings: bool
    """Whether an offering may be for holders of some roles only (§4.7)."""
    accounts_in_secrets: bool
    """Whether an offering's secret options say if it makes accounts, not its plugin's (§0.4)."""


RULES_2024 = Rules(
    year=2024,
    resource_permission=None,
    project_permission=None,
    order_permission=None,
    in_progress=(1, 7, 2),
    usage_outside_plans=False,
    unlimited_usage=None,
    numbered_names=True,
    offering_roles_provide=False,
    resource_roles=False,
    role_restricted_offerings=False,
    accounts_in_secrets=True,
)
RULES_2026 = Rules(
    year=2026,
    resource_permission="RESOURCE.LIST",
    project_permission="PROJECT.LIST",
    order_permission="ORDER.LIST",
    in_progress=(1, 7, 8, 9, 2),
    usage_outside_plans=True,
    unlimited_usage="{}",
    numbered_names=False,
    offering_roles_provide=True,
    resource_roles=True,
    role_restricted_offerings=True,
    accounts_in_secrets=False,
)
BY_YEAR = {each.year: each for each in (RULES_2024, RULES_2026)}

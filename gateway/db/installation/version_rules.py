"""How installations differ in who sees what, one line a difference (domain.md §0.4, §4)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VersionRules:
    """The rules of an installation."""

    year: int
    resource_permission: str | None
    """What a role must carry for its resources to be seen by consumers (§4.4); none: any role."""
    project_permission: str | None
    """What a role must carry for its projects to be seen (§4.10); none: any role."""
    offering_roles_grant_provider_view: bool
    """Whether roles on an offering or a service provider give the provider's view (§4.5)."""
    order_permission: str | None
    """What a role must carry for its orders to be seen (§4.9); none: any role."""
    in_progress_order_states: tuple[int, ...]
    """The states of orders that are in progress (§2.3)."""
    counts_usage_outside_plans: bool
    """Whether usage outside of plans' periods counts toward limits (§3.2)."""
    unlimited_usage: str | None
    """What the usage of limits is where there are none, as JSON (§3.2)."""
    numbers_every_name: bool
    """Whether every suggested name has a number, and providers have no say in it (§5.19)."""
    has_resource_roles: bool
    """Whether there are roles on single resources (§4.4)."""
    has_role_restricted_offerings: bool
    """Whether an offering may be for holders of some roles only (§4.7)."""
    accounts_in_secret_options: bool
    """Whether an offering's secret options say if it makes accounts, not its plugin's (§0.4)."""


RULES_2024 = VersionRules(
    year=2024,
    resource_permission=None,
    project_permission=None,
    order_permission=None,
    in_progress_order_states=(1, 7, 2),
    counts_usage_outside_plans=False,
    unlimited_usage=None,
    numbers_every_name=True,
    offering_roles_grant_provider_view=False,
    has_resource_roles=False,
    has_role_restricted_offerings=False,
    accounts_in_secret_options=True,
)
RULES_2026 = VersionRules(
    year=2026,
    resource_permission="RESOURCE.LIST",
    project_permission="PROJECT.LIST",
    order_permission="ORDER.LIST",
    in_progress_order_states=(1, 7, 8, 9, 2),
    counts_usage_outside_plans=True,
    unlimited_usage="{}",
    numbers_every_name=False,
    offering_roles_grant_provider_view=True,
    has_resource_roles=True,
    has_role_restricted_offerings=True,
    accounts_in_secret_options=False,
)
RULES_BY_YEAR = {each.year: each for each in (RULES_2024, RULES_2026)}

"""Roles of the demo's named users, except those of owners and of project teams."""

from collections.abc import Mapping, Sequence

from gateway.demo.marketplace.customers import DemoCustomers
from gateway.demo.marketplace.offerings import DemoOffering
from gateway.demo.marketplace.projects import DemoProject
from gateway.demo.marketplace.roles import RoleGranter
from gateway.demo.marketplace.rows import RowWriter

RESOURCE_USER_RESOURCE_ID = 4
"""Key of the only resource that `resource_user` has a role on; that user has no other role."""

_MANAGED_OFFERINGS = {
    "service_manager": ("Aurora Supercomputer", "Boreas CPU partition", "Fjord Cloud East"),
    "dual": ("Tape vault",),
}


def grant_named_roles(
    users: Mapping[str, int],
    grants: RoleGranter,
    customers: DemoCustomers,
    offerings: Sequence[DemoOffering],
) -> None:
    """Grant the named users roles on organisations, offerings and a resource."""
    grants.grant_role(users["reader"], "CUSTOMER.READER", customers.customer_ids["halden"])
    grants.grant_role(users["reader"], "CUSTOMER.SUPPORT", customers.customer_ids["saltholm"])
    grants.grant_role(users["dual"], "CUSTOMER.MANAGER", customers.provider_ids["fjord"])
    for username, offering_names in _MANAGED_OFFERINGS.items():
        for offering in offerings:
            if offering.spec.name in offering_names:
                grants.grant_role(users[username], "OFFERING.MANAGER", offering.key)
    grants.grant_role(users["resource_user"], "RESOURCE.USER", RESOURCE_USER_RESOURCE_ID)


def grant_newer_roles(
    writer: RowWriter,
    users: Mapping[str, int],
    grants: RoleGranter,
    projects: Sequence[DemoProject],
) -> None:
    """Grant newer users several roles in one project, and roles that expire or have expired."""
    first_project, second_project, *_ = projects
    grants.grant_role(users["registrar"], "PROJECT.MEMBER", first_project.key)
    grants.grant_role(users["registrar"], "PROJECT.ADMIN", first_project.key)
    grants.grant_role(
        users["registrar"], "PROJECT.MANAGER", second_project.key, expires_at=writer.days_ago(-30)
    )
    grants.grant_role(
        users["departed"],
        "PROJECT.ADMIN",
        second_project.key,
        is_active=False,
        expires_at=writer.days_ago(3),
    )


def grant_lapsed_roles(
    writer: RowWriter,
    users: Mapping[str, int],
    grants: RoleGranter,
    projects: Sequence[DemoProject],
) -> None:
    """Grant expired and revoked roles, and roles in unusual states that are still valid."""
    first_project_id, second_project_id = projects[0].key, projects[1].key
    grants.grant_role(
        users["expired"], "PROJECT.MANAGER", first_project_id, expires_at=writer.days_ago(20)
    )
    grants.grant_role(
        users["revoked"],
        "PROJECT.ADMIN",
        first_project_id,
        is_active=False,
        expires_at=writer.days_ago(40),
    )
    grants.grant_role(users["revoked"], "PROJECT.MEMBER", second_project_id, is_active=None)
    grants.grant_role(users["revoked"], "PROJECT.GUEST", second_project_id)
    grants.grant_role(users["inactive"], "PROJECT.MANAGER", first_project_id)

"""The roles of the demo's named people, besides those of owners and in project teams."""

from collections.abc import Mapping, Sequence

from gateway.demo.marketplace.customers import Customers
from gateway.demo.marketplace.offerings import Offering
from gateway.demo.marketplace.projects import Project
from gateway.demo.marketplace.roles import Grants
from gateway.demo.marketplace.rows import Rows

RESOURCE = 4
"""The one resource that `resource_user` has a role on, none of whose projects that user knows."""

_MANAGED = {
    "service_manager": ("Aurora Supercomputer", "Boreas CPU partition", "Fjord Cloud East"),
    "dual": ("Tape vault",),
}


def add(
    users: Mapping[str, int],
    grants: Grants,
    customers: Customers,
    offerings: Sequence[Offering],
) -> None:
    """Grant roles on organisations, offerings and a resource."""
    grants.add(users["reader"], "CUSTOMER.READER", customers.keys["halden"])
    grants.add(users["reader"], "CUSTOMER.SUPPORT", customers.keys["saltholm"])
    grants.add(users["dual"], "CUSTOMER.MANAGER", customers.providers["fjord"])
    for username, names in _MANAGED.items():
        for offering in offerings:
            if offering.offer.name in names:
                grants.add(users[username], "OFFERING.MANAGER", offering.key)
    grants.add(users["resource_user"], "RESOURCE.USER", RESOURCE)


def joined(
    rows: Rows, users: Mapping[str, int], grants: Grants, projects: Sequence[Project]
) -> None:
    """Grant those who joined later several roles at once, some of which end or ended."""
    first, second, *_ = projects
    grants.add(users["registrar"], "PROJECT.MEMBER", first.key)
    grants.add(users["registrar"], "PROJECT.ADMIN", first.key)
    grants.add(users["registrar"], "PROJECT.MANAGER", second.key, until=rows.ago(-30))
    grants.add(users["departed"], "PROJECT.ADMIN", second.key, active=False, until=rows.ago(3))


def lapsed(
    rows: Rows, users: Mapping[str, int], grants: Grants, projects: Sequence[Project]
) -> None:
    """Grant roles that don't count, or that do though one might not think so."""
    first, second = projects[0].key, projects[1].key
    grants.add(users["expired"], "PROJECT.MANAGER", first, until=rows.ago(20))
    grants.add(users["revoked"], "PROJECT.ADMIN", first, active=False, until=rows.ago(40))
    grants.add(users["revoked"], "PROJECT.MEMBER", second, active=None)
    grants.add(users["revoked"], "PROJECT.GUEST", second)
    grants.add(users["inactive"], "PROJECT.MANAGER", first)

"""The statement that expands a viewer's roles to the ids that the rules compare with.

Its parts differ by the installation's rules (domain.md §4.4-4.10). Roles count
while they are active; their expiration is enforced by Waldur's daily sweep
(§4.2), so the date is not looked at.
"""

import re

from gateway.db import tables
from gateway.db.access.catalogue_restrictions import (
    GROUPS,
    HIDDEN_PLANS,
    ONE_GROUP,
    hidden_offerings,
)
from gateway.db.driver.encoding import constant
from gateway.db.installation.installation import Installation

_HELD = """
held as materialized (
    select held.content_type_id as kind, held.object_id as id, held.role_id as role,
        role.name, role.is_active as active
    from permissions_userrole held join permissions_role role on role.id = held.role_id
    where held.user_id = {user} and held.is_active
)"""

_ITSELF = ":user"
_OTHER = "(select id from core_user where username = :visible_to)"
"""Whose roles are looked at: the viewer's, or those of the user of a name."""

_CONCEALED = """
concealed as (
    select customer_id from structure_accesssubnet where inet is not null
    group by customer_id having not coalesce(bool_or(inet >>= cast(:address as inet)), false)
)"""
"""Customers who show their resources to some networks only, and not to the client's (§4.4)."""

_ANY_ROLE = "select kind, id from held"
_ROLE_WITH = """
    select held.kind, held.id from held
    join permissions_rolepermission carried on carried.role_id = held.role
    where held.active and carried.permission = :{permission}
"""

_PROJECTS = """
{name} as (
    select project.id, project.customer_id from structure_project project
    where project.id in (select id from {scopes} where kind = :project_type)
        or project.customer_id in (select id from {scopes} where kind = :customer_type)
)"""

_OWN_RESOURCES = """
own_resources as (
    select resource.id, resource.project_id, project.customer_id from marketplace_resource resource
    join structure_project project on project.id = resource.project_id
    where resource.id in (select id from held where kind = :resource_type{sub_projects})
)"""
_SUB_PROJECTS = """
        union select part.resource_id from marketplace_resourceproject part
        where not part.is_removed
            and part.id in (select id from held where kind = :resource_project_type)"""
_NO_RESOURCES = """
own_resources as (select 0 as id, 0 as project_id, 0 as customer_id where false)"""

_PROVIDED = """
provided as (
    select offering.id from marketplace_offering offering
    where offering.customer_id in (select id from held where kind = :customer_type)
)"""
_PROVIDED_BY_ROLES = """
provided as (
    select offering.id from marketplace_offering offering
    where offering.customer_id in (select id from held where kind = :customer_type)
        or offering.id in (select id from held where kind = :offering_type)
        or offering.customer_id in (select customer_id from providers)
)"""

_PROVIDERS = """
providers as (
    select provider.customer_id from marketplace_serviceprovider provider
    where provider.id in (select id from held where kind = :provider_type)
)"""

_ORDER_OFFERINGS = """
order_offerings as (
    select offering.id from marketplace_offering offering
    where offering.customer_id in (select id from order_scopes where kind = :customer_type){roles}
)"""
_ORDER_ROLES = """
        or offering.id in (select id from order_scopes where kind = :offering_type)"""

_OWN_OFFERINGS = """
own_offerings as (
    select offering.id from marketplace_offering offering
    where offering.customer_id in (select id from held where kind = :customer_type)
        or offering.project_id in (select id from held where kind = :project_type)
        or offering.id in (select id from held where kind = :offering_type)
)"""

_CUSTOMERS = """
customers as (
    select id from held where kind = :customer_type
    union select project.customer_id from structure_project project
        where project.id in (select id from held where kind = :project_type)
    union select customer_id from own_resources{providers}
)"""

_SHOWN = """
shown_projects as (
    select id from resource_projects where customer_id not in (select customer_id from concealed)
),
shown_resources as (
    select id from own_resources where customer_id not in (select customer_id from concealed)
)"""

_CONSUMPTION = """
select (select is_staff or is_support from core_user where username = :visible_to) as everything,
    array(select id from resource_projects) as projects,
    array(select id from own_resources) as resources
"""

RESULTS = {
    "consumer_projects": "select id from shown_projects",
    "resources": "select id from shown_resources",
    "provided_offerings": "select id from provided",
    "order_projects": "select id from order_projects",
    "order_offerings": "select id from order_offerings",
    "own_offerings": "select id from own_offerings",
    "hidden_offerings": "select id from hidden_offerings",
    "hidden_plans": "select id from hidden_plans",
    "projects": "select id from listed_projects union select project_id from own_resources",
    "customers": "select id from customers",
    "permissions": """
        select carried.permission || ' ' || place.kind || ' ' || held.id from held
        join permissions_rolepermission carried on carried.role_id = held.role
        join (values (:project_type, 'project'), (:customer_type, 'customer'),
            (:offering_type, 'offering')) place (type, kind) on place.type = held.kind
        where carried.permission like 'RESOURCE.%' or carried.permission like 'ORDER.%'""",
}
"""What the statement gives besides `member`: the viewer's ids by their names, each an array."""


def expansion(installation: Installation) -> str:
    """Write the statement for an installation; it gives one row of arrays, and `member`."""
    rules = installation.rules
    grouped = tables.customer_organization_group not in installation.absent
    parts = [
        *_consumed(installation, _ITSELF),
        _CONCEALED,
        _scopes("project_scopes", "project_permission", rules.project_permission),
        _scopes("order_scopes", "order_permission", rules.order_permission),
        _PROJECTS.format(name="order_projects", scopes="order_scopes"),
        _ORDER_OFFERINGS.format(roles=_ORDER_ROLES if rules.offering_roles_provide else ""),
        _PROJECTS.format(name="listed_projects", scopes="project_scopes"),
        _PROVIDERS,
        _PROVIDED_BY_ROLES if rules.offering_roles_provide else _PROVIDED,
        _OWN_OFFERINGS,
        _CUSTOMERS.format(
            providers="\n    union select customer_id from providers"
            if rules.offering_roles_provide
            else ""
        ),
        GROUPS if grouped else ONE_GROUP,
        HIDDEN_PLANS,
        _SHOWN,
        hidden_offerings(by_roles=rules.role_restricted_offerings),
    ]
    arrays = ",\n    ".join(f"array({each})" for each in RESULTS.values())
    written = f"with {','.join(parts)}\nselect exists (select from held) as member,\n    {arrays}"
    return _marked(written, installation)


def consumption(installation: Installation) -> str:
    """Write what gives the projects and resources that the user of a name sees as a consumer.

    From which network they would come is not known: what customers show to
    some networks only, the viewer's own rule leaves out.
    """
    parts = _consumed(installation, _OTHER)
    return _marked(f"with {','.join(parts)}{_CONSUMPTION}", installation)


def _consumed(installation: Installation, user: str) -> list[str]:
    """Write what gives a user's roles, and what they see by them as a consumer (§4.4)."""
    rules = installation.rules
    return [
        _HELD.format(user=user),
        _scopes("resource_scopes", "resource_permission", rules.resource_permission),
        _PROJECTS.format(name="resource_projects", scopes="resource_scopes"),
        _own_resources(installation) if rules.resource_roles else _NO_RESOURCES,
    ]


def _scopes(name: str, parameter: str, permission: str | None) -> str:
    chosen = _ANY_ROLE if permission is None else _ROLE_WITH.format(permission=parameter)
    return f"\n{name} as ({chosen})"


def _own_resources(installation: Installation) -> str:
    parted = tables.resource_project not in installation.absent
    return _OWN_RESOURCES.format(sub_projects=_SUB_PROJECTS if parted else "")


def _marked(written: str, installation: Installation) -> str:
    """Write the ids and names in by which the installation knows what roles are for."""
    for name, value in _marks(installation).items():
        written = re.sub(rf":{name}\b", str(constant(value)), written)
    return written


def _marks(installation: Installation) -> dict[str, int | str]:
    types = {
        "customer_type": ("structure", "customer"),
        "project_type": ("structure", "project"),
        "offering_type": ("marketplace", "offering"),
        "resource_type": ("marketplace", "resource"),
        "resource_project_type": ("marketplace", "resourceproject"),
        "provider_type": ("marketplace", "serviceprovider"),
    }
    return {
        **{name: installation.content_type(*model) for name, model in types.items()},
        "resource_permission": installation.rules.resource_permission or "",
        "project_permission": installation.rules.project_permission or "",
        "order_permission": installation.rules.order_permission or "",
    }

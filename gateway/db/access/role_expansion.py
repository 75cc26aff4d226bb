"""The statement that expands a viewer's roles to the ids that the rules compare with.

Its parts differ by the installation's rules (domain.md §4.4-4.10). Roles count
while they are active; their expiration is enforced by Waldur's daily sweep
(§4.2), so the date is not looked at.
"""

import re

from gateway.db import tables
from gateway.db.access.catalogue_restrictions import (
    GROUPS_CTE,
    HIDDEN_PLANS_CTE,
    SINGLE_GROUP_CTE,
    build_hidden_offerings_cte,
)
from gateway.db.driver.encoding import inline_literal
from gateway.db.installation.installation import Installation

_ROLES_CTE = """
held as materialized (
    select held.content_type_id as kind, held.object_id as id, held.role_id as role,
        role.name, role.is_active as active
    from permissions_userrole held join permissions_role role on role.id = held.role_id
    where held.user_id = {user} and held.is_active
)"""

_VIEWER_ID = ":user"
_NAMED_USER_ID = "(select id from core_user where username = :visible_to)"
"""Whose roles are looked at: the viewer's, or those of the user of a name."""

_CONCEALED_CUSTOMERS_CTE = """
concealed as (
    select customer_id from structure_accesssubnet where inet is not null
    group by customer_id having not coalesce(bool_or(inet >>= cast(:address as inet)), false)
)"""
"""Customers who show their resources to some networks only, and not to the client's (§4.4)."""

_SCOPES_OF_ANY_ROLE = "select kind, id from held"
_SCOPES_WITH_PERMISSION = """
    select held.kind, held.id from held
    join permissions_rolepermission carried on carried.role_id = held.role
    where held.active and carried.permission = :{permission}
"""

_PROJECTS_CTE = """
{name} as (
    select project.id, project.customer_id from structure_project project
    where project.id in (select id from {scopes} where kind = :project_type)
        or project.customer_id in (select id from {scopes} where kind = :customer_type)
)"""

_OWN_RESOURCES_CTE = """
own_resources as (
    select resource.id, resource.project_id, project.customer_id from marketplace_resource resource
    join structure_project project on project.id = resource.project_id
    where resource.id in (select id from held where kind = :resource_type{sub_projects})
)"""
_SUB_PROJECT_RESOURCES = """
        union select part.resource_id from marketplace_resourceproject part
        where not part.is_removed
            and part.id in (select id from held where kind = :resource_project_type)"""
_NO_RESOURCES_CTE = """
own_resources as (select 0 as id, 0 as project_id, 0 as customer_id where false)"""

_PROVIDED_OFFERINGS_CTE = """
provided as (
    select offering.id from marketplace_offering offering
    where offering.customer_id in (select id from held where kind = :customer_type)
)"""
_PROVIDED_BY_ROLES_CTE = """
provided as (
    select offering.id from marketplace_offering offering
    where offering.customer_id in (select id from held where kind = :customer_type)
        or offering.id in (select id from held where kind = :offering_type)
        or offering.customer_id in (select customer_id from providers)
)"""

_PROVIDERS_CTE = """
providers as (
    select provider.customer_id from marketplace_serviceprovider provider
    where provider.id in (select id from held where kind = :provider_type)
)"""

_ORDER_OFFERINGS_CTE = """
order_offerings as (
    select offering.id from marketplace_offering offering
    where offering.customer_id in (select id from order_scopes where kind = :customer_type){roles}
)"""
_ORDER_OFFERING_ROLES = """
        or offering.id in (select id from order_scopes where kind = :offering_type)"""

_OWN_OFFERINGS_CTE = """
own_offerings as (
    select offering.id from marketplace_offering offering
    where offering.customer_id in (select id from held where kind = :customer_type)
        or offering.project_id in (select id from held where kind = :project_type)
        or offering.id in (select id from held where kind = :offering_type)
)"""

_CUSTOMERS_CTE = """
customers as (
    select id from held where kind = :customer_type
    union select project.customer_id from structure_project project
        where project.id in (select id from held where kind = :project_type)
    union select customer_id from own_resources{providers}
)"""

_UNCONCEALED_CTES = """
shown_projects as (
    select id from resource_projects where customer_id not in (select customer_id from concealed)
),
shown_resources as (
    select id from own_resources where customer_id not in (select customer_id from concealed)
)"""

_CONSUMER_SCOPE_QUERY = """
select (select is_staff or is_support from core_user where username = :visible_to) as everything,
    array(select id from resource_projects) as projects,
    array(select id from own_resources) as resources
"""

ID_SET_QUERIES = {
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


def build_role_expansion(installation: Installation) -> str:
    """Write the statement for an installation; it gives one row of arrays, and `member`."""
    version_rules = installation.version_rules
    has_many_groups = tables.customer_organization_group not in installation.missing_tables
    ctes = [
        *_build_consumer_ctes(installation, _VIEWER_ID),
        _CONCEALED_CUSTOMERS_CTE,
        _build_scopes_cte("project_scopes", "project_permission", version_rules.project_permission),
        _build_scopes_cte("order_scopes", "order_permission", version_rules.order_permission),
        _PROJECTS_CTE.format(name="order_projects", scopes="order_scopes"),
        _ORDER_OFFERINGS_CTE.format(
            roles=_ORDER_OFFERING_ROLES if version_rules.offering_roles_grant_provider_view else ""
        ),
        _PROJECTS_CTE.format(name="listed_projects", scopes="project_scopes"),
        _PROVIDERS_CTE,
        _PROVIDED_BY_ROLES_CTE
        if version_rules.offering_roles_grant_provider_view
        else _PROVIDED_OFFERINGS_CTE,
        _OWN_OFFERINGS_CTE,
        _CUSTOMERS_CTE.format(
            providers="\n    union select customer_id from providers"
            if version_rules.offering_roles_grant_provider_view
            else ""
        ),
        GROUPS_CTE if has_many_groups else SINGLE_GROUP_CTE,
        HIDDEN_PLANS_CTE,
        _UNCONCEALED_CTES,
        build_hidden_offerings_cte(by_roles=version_rules.has_role_restricted_offerings),
    ]
    arrays = ",\n    ".join(f"array({each})" for each in ID_SET_QUERIES.values())
    sql = f"with {','.join(ctes)}\nselect exists (select from held) as member,\n    {arrays}"
    return _insert_constants(sql, installation)


def build_consumer_scope(installation: Installation) -> str:
    """Write what gives the projects and resources that the user of a name sees as a consumer.

    From which network they would come is not known: what customers show to
    some networks only, the viewer's own rule leaves out.
    """
    ctes = _build_consumer_ctes(installation, _NAMED_USER_ID)
    return _insert_constants(f"with {','.join(ctes)}{_CONSUMER_SCOPE_QUERY}", installation)


def _build_consumer_ctes(installation: Installation, user: str) -> list[str]:
    """Write what gives a user's roles, and what they see by them as a consumer (§4.4)."""
    version_rules = installation.version_rules
    return [
        _ROLES_CTE.format(user=user),
        _build_scopes_cte(
            "resource_scopes", "resource_permission", version_rules.resource_permission
        ),
        _PROJECTS_CTE.format(name="resource_projects", scopes="resource_scopes"),
        _build_own_resources_cte(installation)
        if version_rules.has_resource_roles
        else _NO_RESOURCES_CTE,
    ]


def _build_scopes_cte(name: str, parameter: str, permission: str | None) -> str:
    scopes = (
        _SCOPES_OF_ANY_ROLE
        if permission is None
        else _SCOPES_WITH_PERMISSION.format(permission=parameter)
    )
    return f"\n{name} as ({scopes})"


def _build_own_resources_cte(installation: Installation) -> str:
    has_sub_projects = tables.resource_project not in installation.missing_tables
    return _OWN_RESOURCES_CTE.format(
        sub_projects=_SUB_PROJECT_RESOURCES if has_sub_projects else ""
    )


def _insert_constants(sql: str, installation: Installation) -> str:
    """Write the ids and names in by which the installation knows what roles are for."""
    for name, value in _installation_constants(installation).items():
        sql = re.sub(rf":{name}\b", str(inline_literal(value)), sql)
    return sql


def _installation_constants(installation: Installation) -> dict[str, int | str]:
    models = {
        "customer_type": ("structure", "customer"),
        "project_type": ("structure", "project"),
        "offering_type": ("marketplace", "offering"),
        "resource_type": ("marketplace", "resource"),
        "resource_project_type": ("marketplace", "resourceproject"),
        "provider_type": ("marketplace", "serviceprovider"),
    }
    return {
        **{name: installation.content_type_id(*model) for name, model in models.items()},
        "resource_permission": installation.version_rules.resource_permission or "",
        "project_permission": installation.version_rules.project_permission or "",
        "order_permission": installation.version_rules.order_permission or "",
    }

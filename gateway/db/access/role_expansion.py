"""Role expansion: the statement that turns a user's roles into the id sets of row filters.

A role is granted on a scope: a project, a customer, an offering, a service
provider or a resource. The statement follows these scopes to ids of projects,
resources, offerings and customers, so that a row filter is a comparison of a
row's own columns with arrays. Its CTEs depend on the installation's version
rules (domain.md §4.4-4.10):

    active_roles -> resource_scopes -> resource_projects ─┐
                 -> own_resources ────────────────────────┴─ minus concealed_customers
                                                             = consumer_projects, consumer_resources
                 -> order_scopes    -> order_projects, order_offerings
                 -> project_scopes  -> listed_projects
                 -> scoped_roles    -> permissions, roles
                 -> provided_offerings, own_offerings, customers
                                       customers -> viewer_groups -> hidden_plans, hidden_offerings

A role counts while it is active. Its expiration date is enforced by Waldur's
daily clean-up (§4.2) and is not checked here.
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
active_roles as materialized (
    select user_role.content_type_id as scope_type, user_role.object_id as id, user_role.role_id,
        role.name, role.is_active as is_role_active
    from permissions_userrole user_role join permissions_role role on role.id = user_role.role_id
    where user_role.user_id = {user} and user_role.is_active
)"""

_VIEWER_ID = ":user"
_NAMED_USER_ID = "(select id from core_user where username = :visible_to)"
"""The id of the user whose roles are expanded: the viewer, or a user given by name."""

_CONCEALED_CUSTOMERS_CTE = """
concealed_customers as (
    select customer_id from structure_accesssubnet where inet is not null
    group by customer_id having not coalesce(bool_or(inet >>= cast(:address as inet)), false)
)"""
"""Customers that restrict their resources to subnets which the client is not in (§4.4)."""

_SCOPES_OF_ANY_ROLE = "select scope_type, id from active_roles"
_SCOPES_WITH_PERMISSION = """
    select active_roles.scope_type, active_roles.id from active_roles
    join permissions_rolepermission granted on granted.role_id = active_roles.role_id
    where active_roles.is_role_active and granted.permission = :{permission}
"""

_PROJECTS_CTE = """
{name} as (
    select project.id, project.customer_id from structure_project project
    where project.id in (select id from {scopes} where scope_type = :project_type)
        or project.customer_id in (select id from {scopes} where scope_type = :customer_type)
)"""

_OWN_RESOURCES_CTE = """
own_resources as (
    select resource.id, resource.project_id, project.customer_id from marketplace_resource resource
    join structure_project project on project.id = resource.project_id
    where resource.id in (
        select id from active_roles where scope_type = :resource_type{sub_projects}
    )
)"""
_SUB_PROJECT_RESOURCES = """
        union select sub_project.resource_id from marketplace_resourceproject sub_project
        where not sub_project.is_removed
            and sub_project.id in (
                select id from active_roles where scope_type = :resource_project_type
            )"""
_NO_RESOURCES_CTE = """
own_resources as (select 0 as id, 0 as project_id, 0 as customer_id where false)"""

_PROVIDED_OFFERINGS_CTE = """
provided_offerings as (
    select offering.id from marketplace_offering offering
    where offering.customer_id in (select id from active_roles where scope_type = :customer_type)
)"""
_PROVIDED_BY_ROLES_CTE = """
provided_offerings as (
    select offering.id from marketplace_offering offering
    where offering.customer_id in (select id from active_roles where scope_type = :customer_type)
        or offering.id in (select id from active_roles where scope_type = :offering_type)
        or offering.customer_id in (select customer_id from providers)
)"""

_PROVIDERS_CTE = """
providers as (
    select provider.customer_id from marketplace_serviceprovider provider
    where provider.id in (select id from active_roles where scope_type = :provider_type)
)"""

_ORDER_OFFERINGS_CTE = """
order_offerings as (
    select offering.id from marketplace_offering offering
    where offering.customer_id in (
            select id from order_scopes where scope_type = :customer_type
        ){roles}
)"""
_ORDER_OFFERING_ROLES = """
        or offering.id in (select id from order_scopes where scope_type = :offering_type)"""

_OWN_OFFERINGS_CTE = """
own_offerings as (
    select offering.id from marketplace_offering offering
    where offering.customer_id in (select id from active_roles where scope_type = :customer_type)
        or offering.project_id in (select id from active_roles where scope_type = :project_type)
        or offering.id in (select id from active_roles where scope_type = :offering_type)
)"""

_CUSTOMERS_CTE = """
customers as (
    select id from active_roles where scope_type = :customer_type
    union select project.customer_id from structure_project project
        where project.id in (select id from active_roles where scope_type = :project_type)
    union select customer_id from own_resources{providers}
)"""

_UNCONCEALED_CTES = """
consumer_projects as (
    select id from resource_projects
    where customer_id not in (select customer_id from concealed_customers)
),
consumer_resources as (
    select id from own_resources
    where customer_id not in (select customer_id from concealed_customers)
)"""

_CONSUMER_SCOPE_QUERY = """
select (select is_staff or is_support from core_user where username = :visible_to) as sees_all,
    array(select id from resource_projects) as projects,
    array(select id from own_resources) as resources
"""

_SCOPED_ROLES_CTE = """
scoped_roles as (
    select active_roles.role_id, active_roles.name, scope.name || ' ' || active_roles.id as scope
    from active_roles
    join (values (:project_type, 'project'), (:customer_type, 'customer'),
        (:offering_type, 'offering')) scope (type, name) on scope.type = active_roles.scope_type
)"""

ID_SET_QUERIES = {
    "consumer_projects": "select id from consumer_projects",
    "resources": "select id from consumer_resources",
    "provided_offerings": "select id from provided_offerings",
    "order_projects": "select id from order_projects",
    "order_offerings": "select id from order_offerings",
    "own_offerings": "select id from own_offerings",
    "hidden_offerings": "select id from hidden_offerings",
    "hidden_plans": "select id from hidden_plans",
    "projects": "select id from listed_projects union select project_id from own_resources",
    "customers": "select id from customers",
    "permissions": """
        select granted.permission || ' ' || scoped_roles.scope from scoped_roles
        join permissions_rolepermission granted on granted.role_id = scoped_roles.role_id
        where granted.permission like 'RESOURCE.%' or granted.permission like 'ORDER.%'""",
    "roles": "select name || ' ' || scope from scoped_roles",
}
"""The id sets by name, each an array of the result; `permissions` and `roles` are texts."""


def build_role_expansion(installation: Installation) -> str:
    """Return the SQL for an installation.

    It selects one row: whether the user has any active role, and an array for each
    of `ID_SET_QUERIES`. Its parameters are `user`, `address` and `mode`.
    """
    version_rules = installation.version_rules
    has_many_groups = tables.customer_organization_group not in installation.missing_tables
    ctes = [
        *_build_consumer_ctes(installation, _VIEWER_ID),
        _CONCEALED_CUSTOMERS_CTE,
        _SCOPED_ROLES_CTE,
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
    is_member = "exists (select from active_roles) as is_member"
    sql = f"with {','.join(ctes)}\nselect {is_member},\n    {arrays}"
    return _insert_constants(sql, installation)


def build_consumer_scope(installation: Installation) -> str:
    """Return the SQL for the projects and resources that a named user sees as a consumer.

    That user's network address is unknown, so customers' subnets are not checked
    here; the viewer's own row filter does that for the viewer's address.
    """
    ctes = _build_consumer_ctes(installation, _NAMED_USER_ID)
    return _insert_constants(f"with {','.join(ctes)}{_CONSUMER_SCOPE_QUERY}", installation)


def _build_consumer_ctes(installation: Installation, user: str) -> list[str]:
    """Return the CTEs of a user's active roles and the consumer's view they grant (§4.4)."""
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
    """Replace the placeholders of content type ids and permission names by their values."""
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

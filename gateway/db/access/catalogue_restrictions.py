"""Catalogue restrictions: SQL for the plans and offerings hidden from a viewer (domain.md §4.7).

These CTEs are parts of the statement in `role_expansion`. Plans and offerings
may be restricted to organisation groups, offerings also to roles.
"""

GROUPS_CTE = """
viewer_groups as (
    select organizationgroup_id as id from structure_customer_organization_groups
    where customer_id in (select id from customers)
)"""
SINGLE_GROUP_CTE = """
viewer_groups as (
    select organization_group_id as id from structure_customer
    where id in (select id from customers) and organization_group_id is not null
)"""

HIDDEN_PLANS_CTE = """
hidden_plans as (
    select plan_id as id from marketplace_plan_organization_groups
    except select plan_id from marketplace_plan_organization_groups
        where organizationgroup_id in (select id from viewer_groups)
)"""

_INACCESSIBLE_OFFERINGS = """
    select offering.id from marketplace_offering offering
    where :mode = 'hide_inaccessible' and (
        (exists (select from marketplace_offering_organization_groups link
                where link.offering_id = offering.id)
            and not exists (select from marketplace_offering_organization_groups link
                where link.offering_id = offering.id
                    and link.organizationgroup_id in (select id from viewer_groups)))
        or not exists (select from marketplace_plan plan
            where plan.offering_id = coalesce(offering.parent_id, offering.id)
                and not plan.archived and plan.id not in (select id from hidden_plans)))
"""
_ROLE_RESTRICTED_OFFERINGS = """
    union select offering.id from marketplace_offering offering
    where coalesce(offering.plugin_options -> 'restricted_to_roles', 'null')
            not in ('null', '[]', '""')
        and not exists (select from active_roles
            where offering.plugin_options -> 'restricted_to_roles' ? active_roles.name)
        and not exists (select from marketplace_resource resource
            where resource.offering_id = offering.id
                and (resource.project_id in (select id from consumer_projects)
                    or resource.id in (select id from consumer_resources)))
"""


def build_hidden_offerings_cte(*, by_roles: bool) -> str:
    """Return the CTE of hidden offerings; with `by_roles` also those restricted to other roles."""
    role_restricted = _ROLE_RESTRICTED_OFFERINGS if by_roles else ""
    return f"\nhidden_offerings as ({_INACCESSIBLE_OFFERINGS}{role_restricted})"

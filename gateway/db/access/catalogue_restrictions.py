"""What of the catalogue a viewer may not see: plans and offerings for others (domain.md §4.7).

These are parts of the statement in `expansion`.
"""

GROUPS_CTE = """
groups as (
    select organizationgroup_id as id from structure_customer_organization_groups
    where customer_id in (select id from customers)
)"""
SINGLE_GROUP_CTE = """
groups as (
    select organization_group_id as id from structure_customer
    where id in (select id from customers) and organization_group_id is not null
)"""

HIDDEN_PLANS_CTE = """
hidden_plans as (
    select plan_id as id from marketplace_plan_organization_groups
    except select plan_id from marketplace_plan_organization_groups
        where organizationgroup_id in (select id from groups)
)"""

_INACCESSIBLE_OFFERINGS = """
    select offering.id from marketplace_offering offering
    where :mode = 'hide_inaccessible' and (
        (exists (select from marketplace_offering_organization_groups wanted
                where wanted.offering_id = offering.id)
            and not exists (select from marketplace_offering_organization_groups wanted
                where wanted.offering_id = offering.id
                    and wanted.organizationgroup_id in (select id from groups)))
        or not exists (select from marketplace_plan plan
            where plan.offering_id = coalesce(offering.parent_id, offering.id)
                and not plan.archived and plan.id not in (select id from hidden_plans)))
"""
_ROLE_RESTRICTED_OFFERINGS = """
    union select offering.id from marketplace_offering offering
    where coalesce(offering.plugin_options -> 'restricted_to_roles', 'null')
            not in ('null', '[]', '""')
        and not exists (select from held
            where offering.plugin_options -> 'restricted_to_roles' ? held.name)
        and not exists (select from marketplace_resource resource
            where resource.offering_id = offering.id
                and (resource.project_id in (select id from shown_projects)
                    or resource.id in (select id from shown_resources)))
"""


def build_hidden_offerings_cte(*, by_roles: bool) -> str:
    """Write what finds the offerings; `by_roles` also those for holders of some roles."""
    return f"\nhidden_offerings as ({_INACCESSIBLE_OFFERINGS}{_ROLE_RESTRICTED_OFFERINGS if by_roles else ''})"

-- Visibility rules: one CTE for each noun; oracle.py documents the sources of the rules.
-- A table name in braces is replaced by an empty select where the installation lacks the table.
with viewer as (
    select id, is_staff or is_support as sees_all from core_user where id = %(user)s and is_active
), active_role as (
    select t.app_label || '.' || t.model as scope, u.object_id, u.role_id, r.name, r.is_active
    from permissions_userrole u
    join viewer on viewer.id = u.user_id
    join permissions_role r on r.id = u.role_id
    join django_content_type t on t.id = u.content_type_id
    where u.is_active
), customer_role as (select object_id as id from active_role where scope = 'structure.customer'
), project_role as (select object_id as id from active_role where scope = 'structure.project'
), offering_role as (select object_id as id from active_role where scope = 'marketplace.offering'
), direct_resource as (
    select object_id as id from active_role
    where scope = 'marketplace.resource' and %(rules)s = 2026
    union
    select s.resource_id from {marketplace_resourceproject} s
    join active_role on active_role.object_id = s.id
    where active_role.scope = 'marketplace.resourceproject' and not s.is_removed and %(rules)s = 2026
), served_customer as (
    select s.customer_id as id from marketplace_serviceprovider s
    join active_role on active_role.object_id = s.id
    where active_role.scope = 'marketplace.serviceprovider' and %(rules)s = 2026
), granted_permission as (
    select scope, object_id as id, permission from active_role join permissions_rolepermission
    using (role_id) where is_active
    union all
    select scope, object_id, any_permission from active_role
    cross join unnest(array['RESOURCE.LIST', 'PROJECT.LIST', 'ORDER.LIST']) any_permission
    where %(rules)s = 2024
), concealed_customer as (
    select customer_id from structure_accesssubnet where inet is not null
    group by customer_id having not coalesce(bool_or(%(address)s::inet <<= inet), false)
), permitted_project as (
    select p.id, p.customer_id, permission from structure_project p
    join granted_permission on (scope, granted_permission.id) in (
        ('structure.project', p.id), ('structure.customer', p.customer_id))
), consumer_resource as (
    select r.uuid, r.offering_id from marketplace_resource r
    join structure_project p on p.id = r.project_id
    where (select sees_all from viewer)
       or p.customer_id not in (select customer_id from concealed_customer)
      and (p.id in (select id from permitted_project where permission = 'RESOURCE.LIST')
           or r.id in (select id from direct_resource))
), provider_resource as (
    select r.uuid from marketplace_resource r
    join marketplace_offering o on o.id = r.offering_id
    where (select sees_all from viewer)
       or o.customer_id in (select id from customer_role)
       or o.customer_id in (select id from served_customer)
       or %(rules)s = 2026 and o.id in (select id from offering_role)
), resource as (select uuid from consumer_resource union select uuid from provider_resource
), direct_resource_project as (
    select r.project_id as id from marketplace_resource r
    where r.id in (select id from direct_resource)
), project as (
    select uuid from structure_project where not is_removed
       and ((select sees_all from viewer)
            or id in (select id from permitted_project where permission = 'PROJECT.LIST')
            or id in (select id from direct_resource_project))
), customer as (
    select id, uuid from structure_customer
    where (select sees_all from viewer)
       or id in (select id from customer_role)
       or id in (select id from served_customer)
       or id in (select customer_id from structure_project
                 where id in (select id from project_role)
                    or id in (select id from direct_resource_project))
), viewer_group as (
    select organizationgroup_id as id from {structure_customer_organization_groups}
    where customer_id in (select id from customer) and organizationgroup_id is not null
), grouped_plan as (
    select plan_id, bool_or(organizationgroup_id in (select id from viewer_group)) as shares_group
    from marketplace_plan_organization_groups group by plan_id
), grouped_offering as (
    select offering_id, bool_or(organizationgroup_id in (select id from viewer_group)) as shares_group
    from marketplace_offering_organization_groups group by offering_id
), open_plan as (
    select p.* from marketplace_plan p left join grouped_plan g on g.plan_id = p.id
    where coalesce(shares_group, true)
), catalogue as (
    select o.id from marketplace_offering o left join grouped_offering g on g.offering_id = o.id
    where o.state in (2, 3) and o.shared
      and (exists (select from viewer) or %(user)s is null and %(ANONYMOUS_USER_CAN_VIEW_OFFERINGS)s)
      and case %(RESTRICTED_OFFERING_VISIBILITY_MODE)s
          when 'require_membership' then exists (select from active_role)
          when 'hide_inaccessible' then coalesce(shares_group, true) and exists (
              select from open_plan
              where open_plan.offering_id = coalesce(o.parent_id, o.id) and not archived)
          else true end
      and (%(rules)s = 2024
           or coalesce(o.plugin_options -> 'restricted_to_roles', 'null') in ('null', '[]')
           or o.plugin_options -> 'restricted_to_roles' ?| array(select name::text from active_role)
           or o.id in (select offering_id from consumer_resource))
), offering as (
    select id, uuid from marketplace_offering
    where (select sees_all from viewer)
       or customer_id in (select id from customer_role)
       or project_id in (select id from project_role)
       or id in (select id from offering_role)
       or id in (select id from catalogue)
), component as (
    select uuid from marketplace_offeringcomponent where offering_id in (select id from offering)
), partition as (
    select uuid from {marketplace_offeringpartition} p where offering_id in (select id from offering)
), plan as (
    select uuid from marketplace_plan where offering_id in (select id from offering)
       and ((select sees_all from viewer)
            or id in (select id from open_plan)
           and (exists (select from viewer) or %(ANONYMOUS_USER_CAN_VIEW_PLANS)s))
), visible_order as (
    select d.uuid from marketplace_order d join marketplace_offering o on o.id = d.offering_id
    where (select sees_all from viewer)
       or d.project_id in (select id from permitted_project where permission = 'ORDER.LIST')
       or exists (select from granted_permission where permission = 'ORDER.LIST'
                  and ((scope, granted_permission.id) = ('structure.customer', o.customer_id)
                       or (scope, granted_permission.id) = ('marketplace.offering', o.id)
                      and %(rules)s = 2026))
), offering_user_role as (
    select uuid from marketplace_offeringuserrole where offering_id in (select id from offering)
), category as (
    select uuid from marketplace_category
    where exists (select from viewer) or %(user)s is null and %(ANONYMOUS_USER_CAN_VIEW_OFFERINGS)s
), visible_user as (
    select uuid from core_user
    where (select sees_all from viewer) or id = (select id from viewer)
)
select replace(uuid::text, '-', '') from {visible}

-- Who sees what, as one named query for each noun; the sources of the rules stand in oracle.py.
-- A name in braces is that of a table that not every Waldur has.
with asker as (
    select id, is_staff or is_support as sees_all from core_user where id = %(user)s and is_active
), held as (
    select t.app_label || '.' || t.model as scope, u.object_id, u.role_id, r.name, r.is_active
    from permissions_userrole u
    join asker on asker.id = u.user_id
    join permissions_role r on r.id = u.role_id
    join django_content_type t on t.id = u.content_type_id
    where u.is_active
), customer_role as (select object_id as id from held where scope = 'structure.customer'
), project_role as (select object_id as id from held where scope = 'structure.project'
), offering_role as (select object_id as id from held where scope = 'marketplace.offering'
), direct as (
    select object_id as id from held
    where scope = 'marketplace.resource' and %(rules)s = 2026
    union
    select s.resource_id from {marketplace_resourceproject} s join held on held.object_id = s.id
    where held.scope = 'marketplace.resourceproject' and not s.is_removed and %(rules)s = 2026
), served as (
    select s.customer_id as id from marketplace_serviceprovider s
    join held on held.object_id = s.id
    where held.scope = 'marketplace.serviceprovider' and %(rules)s = 2026
), lists as (
    select scope, object_id as id, permission from held join permissions_rolepermission
    using (role_id) where is_active
    union all
    select scope, object_id, any_permission from held
    cross join unnest(array['RESOURCE.LIST', 'PROJECT.LIST', 'ORDER.LIST']) any_permission where %(rules)s = 2024
), concealed as (
    select customer_id from structure_accesssubnet where inet is not null
    group by customer_id having not coalesce(bool_or(%(address)s::inet <<= inet), false)
), listed as (
    select p.id, p.customer_id, permission from structure_project p
    join lists on (scope, lists.id) in (('structure.project', p.id),
                                        ('structure.customer', p.customer_id))
), consumed as (
    select r.uuid, r.offering_id from marketplace_resource r
    join structure_project p on p.id = r.project_id
    where (select sees_all from asker)
       or p.customer_id not in (select customer_id from concealed)
      and (p.id in (select id from listed where permission = 'RESOURCE.LIST')
           or r.id in (select id from direct))
), provided as (
    select r.uuid from marketplace_resource r
    join marketplace_offering o on o.id = r.offering_id
    where (select sees_all from asker)
       or o.customer_id in (select id from customer_role)
       or o.customer_id in (select id from served)
       or %(rules)s = 2026 and o.id in (select id from offering_role)
), resource as (select uuid from consumed union select uuid from provided
), direct_project as (
    select r.project_id as id from marketplace_resource r where r.id in (select id from direct)
), project as (
    select uuid from structure_project where not is_removed
       and ((select sees_all from asker)
            or id in (select id from listed where permission = 'PROJECT.LIST')
            or id in (select id from direct_project))
), customer as (
    select id, uuid from structure_customer
    where (select sees_all from asker)
       or id in (select id from customer_role)
       or id in (select id from served)
       or id in (select customer_id from structure_project
                 where id in (select id from project_role)
                    or id in (select id from direct_project))
), asker_group as (
    select organizationgroup_id as id from {structure_customer_organization_groups}
    where customer_id in (select id from customer) and organizationgroup_id is not null
), grouped_plan as (
    select plan_id, bool_or(organizationgroup_id in (select id from asker_group)) as shares_group
    from marketplace_plan_organization_groups group by plan_id
), grouped_offering as (
    select offering_id, bool_or(organizationgroup_id in (select id from asker_group)) as shares_group
    from marketplace_offering_organization_groups group by offering_id
), open_plan as (
    select p.* from marketplace_plan p left join grouped_plan g on g.plan_id = p.id
    where coalesce(shares_group, true)
), catalogue as (
    select o.id from marketplace_offering o left join grouped_offering g on g.offering_id = o.id
    where o.state in (2, 3) and o.shared
      and (exists (select from asker) or %(user)s is null and %(ANONYMOUS_USER_CAN_VIEW_OFFERINGS)s)
      and case %(RESTRICTED_OFFERING_VISIBILITY_MODE)s
          when 'require_membership' then exists (select from held)
          when 'hide_inaccessible' then coalesce(shares_group, true) and exists (
              select from open_plan
              where open_plan.offering_id = coalesce(o.parent_id, o.id) and not archived)
          else true end
      and (%(rules)s = 2024
           or coalesce(o.plugin_options -> 'restricted_to_roles', 'null') in ('null', '[]')
           or o.plugin_options -> 'restricted_to_roles' ?| array(select name::text from held)
           or o.id in (select offering_id from consumed))
), offering as (
    select id, uuid from marketplace_offering
    where (select sees_all from asker)
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
       and ((select sees_all from asker)
            or id in (select id from open_plan)
           and (exists (select from asker) or %(ANONYMOUS_USER_CAN_VIEW_PLANS)s))
), ordered as (
    select d.uuid from marketplace_order d join marketplace_offering o on o.id = d.offering_id
    where (select sees_all from asker)
       or d.project_id in (select id from listed where permission = 'ORDER.LIST')
       or exists (select from lists where permission = 'ORDER.LIST'
                  and ((scope, lists.id) = ('structure.customer', o.customer_id)
                       or (scope, lists.id) = ('marketplace.offering', o.id) and %(rules)s = 2026))
), role_of_offering as (
    select uuid from marketplace_offeringuserrole where offering_id in (select id from offering)
), category as (
    select uuid from marketplace_category
    where exists (select from asker) or %(user)s is null and %(ANONYMOUS_USER_CAN_VIEW_OFFERINGS)s
), person as (
    select uuid from core_user
    where (select sees_all from asker) or id = (select id from asker)
)
select replace(uuid::text, '-', '') from {visible}

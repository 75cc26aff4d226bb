-- Five copies of each offering that everybody may order, with its components, plans and prices.
-- The demo's catalogue is that of a small installation; now it fills a page of 50. The copies are
-- the newest offerings, so that page is the same for every viewer.
create temporary view original as
select o.* from marketplace_offering o
where shared and state = 2 and id < 1000
and not exists (select from marketplace_offering_organization_groups g where g.offering_id = o.id)
and not exists (
    select from marketplace_plan p join marketplace_plan_organization_groups g on g.plan_id = p.id
    where p.offering_id = o.id
);

insert into marketplace_offering
select (jsonb_populate_record(o, jsonb_build_object(
    'id', o.id + 1000 * copy,
    'uuid', md5(concat('offering', o.id, copy))::uuid,
    'name', concat(o.name, ' ', copy),
    'slug', concat(o.slug, '-', copy),
    'created', (select max(created) from marketplace_offering) + interval '1 minute' * (copy * 1000 + o.id)
))).*
from original o cross join generate_series(1, 5) copy;

insert into marketplace_offeringcomponent
select (jsonb_populate_record(c, jsonb_build_object(
    'id', c.id + 1000 * copy,
    'uuid', md5(concat('component', c.id, copy))::uuid,
    'offering_id', c.offering_id + 1000 * copy
))).*
from marketplace_offeringcomponent c cross join generate_series(1, 5) copy
where offering_id in (select id from original);

insert into marketplace_plan
select (jsonb_populate_record(p, jsonb_build_object(
    'id', p.id + 1000 * copy,
    'uuid', md5(concat('plan', p.id, copy))::uuid,
    'offering_id', p.offering_id + 1000 * copy
))).*
from marketplace_plan p cross join generate_series(1, 5) copy
where offering_id in (select id from original);

insert into marketplace_plancomponent
select (jsonb_populate_record(p, jsonb_build_object(
    'id', p.id + 1000 * copy,
    'plan_id', p.plan_id + 1000 * copy,
    'component_id', p.component_id + 1000 * copy
))).*
from marketplace_plancomponent p cross join generate_series(1, 5) copy
where plan_id in (select p.id from marketplace_plan p where p.offering_id in (select id from original));

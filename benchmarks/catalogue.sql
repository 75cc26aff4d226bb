-- The catalogue has the shape of the data on which the reference figures of Q1 and Q3 were measured:
-- every offering with components has at least five of them, three plans, and a price for each component
-- in each plan; every resource has an endpoint. Each offering that all users may order is copied ten
-- times: some 120 offerings, more than a page. They are the newest, so the first page is the same for
-- every viewer.
insert into marketplace_offeringcomponent
select (jsonb_populate_record(c, jsonb_build_object(
    'id', (select max(id) from marketplace_offeringcomponent) + row_number() over (order by c.id, n),
    'uuid', md5(concat('further component', c.id, n))::uuid,
    'type', concat(c.type, '_', n),
    'name', concat(c.name, ' ', n)
))).*
from marketplace_offeringcomponent c cross join generate_series(2, 5) n
where c.id in (select min(id) from marketplace_offeringcomponent group by offering_id)
and n > (select count(*) from marketplace_offeringcomponent d where d.offering_id = c.offering_id);

insert into marketplace_plan
select (jsonb_populate_record(p, jsonb_build_object(
    'id', (select max(id) from marketplace_plan) + row_number() over (order by p.id, n),
    'uuid', md5(concat('further plan', p.id, n))::uuid,
    'name', concat(p.name, ' ', n),
    'archived', false
))).*
from marketplace_plan p cross join generate_series(2, 3) n
where p.id in (
    select min(id) from marketplace_plan
    where offering_id in (select offering_id from marketplace_offeringcomponent)
    group by offering_id
)
and n > (select count(*) from marketplace_plan q where q.offering_id = p.offering_id);

insert into marketplace_plancomponent (id, plan_id, component_id, amount, price)
select
    (select max(id) from marketplace_plancomponent) + row_number() over (order by p.id, c.id),
    p.id, c.id, 1, p.id % 7 + 0.25
from marketplace_plan p join marketplace_offeringcomponent c on c.offering_id = p.offering_id
where not exists (
    select from marketplace_plancomponent pc where pc.plan_id = p.id and pc.component_id = c.id
);

insert into marketplace_resourceaccessendpoint (id, uuid, name, url, resource_id)
select
    (select max(id) from marketplace_resourceaccessendpoint) + row_number() over (order by r.id),
    md5(concat('endpoint', r.id))::uuid, 'ssh', concat('ssh://login.example.org/', r.slug), r.id
from marketplace_resource r
where not exists (select from marketplace_resourceaccessendpoint e where e.resource_id = r.id);

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
from original o cross join generate_series(1, 10) copy;

insert into marketplace_offeringcomponent
select (jsonb_populate_record(c, jsonb_build_object(
    'id', c.id + 1000 * copy,
    'uuid', md5(concat('component', c.id, copy))::uuid,
    'offering_id', c.offering_id + 1000 * copy
))).*
from marketplace_offeringcomponent c cross join generate_series(1, 10) copy
where offering_id in (select id from original);

insert into marketplace_plan
select (jsonb_populate_record(p, jsonb_build_object(
    'id', p.id + 1000 * copy,
    'uuid', md5(concat('plan', p.id, copy))::uuid,
    'offering_id', p.offering_id + 1000 * copy
))).*
from marketplace_plan p cross join generate_series(1, 10) copy
where offering_id in (select id from original);

insert into marketplace_plancomponent
select (jsonb_populate_record(p, jsonb_build_object(
    'id', p.id + 1000 * copy,
    'plan_id', p.plan_id + 1000 * copy,
    'component_id', p.component_id + 1000 * copy
))).*
from marketplace_plancomponent p cross join generate_series(1, 10) copy
where plan_id in (select p.id from marketplace_plan p where p.offering_id in (select id from original));

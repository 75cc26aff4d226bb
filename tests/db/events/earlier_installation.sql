-- The event table and the triggers of gateways that had events of resources only.
create table gateway.resource_event (
    xid xid8 not null default pg_current_xact_id(),
    id bigint generated always as identity,
    resource_id integer,
    resource_uuid text,
    kind text not null,
    old_state integer,
    new_state integer,
    project_id_before integer,
    project_id_after integer,
    offering_id_before integer,
    offering_id_after integer,
    changed text[] not null,
    at timestamptz not null default clock_timestamp(),
    primary key (xid, id)
);
create table if not exists gateway.event_horizon (
    xid xid8 not null,
    id bigint not null,
    one boolean primary key default true check (one)
);
insert into gateway.event_horizon (xid, id) values ('1', 0) on conflict do nothing;
create function gateway.note_resource_event() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    before jsonb;
    after jsonb;
    changed_columns text[] := '{}';
    event_kind text := case tg_op when 'INSERT' then 'CREATED' else 'DELETED' end;
begin
    before := to_jsonb(old);
    after := to_jsonb(new);
    if tg_op = 'UPDATE' then
        changed_columns := array(
            select name from jsonb_object_keys(after) name
            where before -> name is distinct from after -> name
        );
        event_kind := case when 'state' = any(changed_columns)
            then 'STATE_CHANGED' else 'UPDATED' end;
    end if;
    insert into gateway.resource_event (
        resource_id, resource_uuid, kind, old_state, new_state, project_id_before,
        project_id_after, offering_id_before, offering_id_after, changed
    ) values (
        (coalesce(after, before) ->> 'id')::integer, coalesce(after, before) ->> 'uuid',
        event_kind, (before ->> 'state')::integer, (after ->> 'state')::integer,
        (before ->> 'project_id')::integer, (after ->> 'project_id')::integer,
        (before ->> 'offering_id')::integer, (after ->> 'offering_id')::integer,
        changed_columns
    );
    perform pg_notify('gateway_resource_event', '');
    return null;
exception when others then
    raise warning 'gateway: an event of a resource is lost: %', sqlerrm;
    return null;
end $$;
revoke all on function gateway.note_resource_event() from public;
comment on function gateway.note_resource_event() is 'eeaf95788d1c3394';
create trigger gateway_insert after insert on marketplace_resource
    for each row execute function gateway.note_resource_event();
create trigger gateway_update after update on marketplace_resource
    for each row when (old.* is distinct from new.*)
    execute function gateway.note_resource_event();
create trigger gateway_delete after delete on marketplace_resource
    for each row execute function gateway.note_resource_event()

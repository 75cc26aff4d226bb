-- The trigger function of an earlier version, which has the list of tracked columns.
create or replace function gateway.note_resource_event() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    before jsonb;
    after jsonb;
    changes text[] := '{}';
    what text := case tg_op when 'INSERT' then 'CREATED' else 'DELETED' end;
begin
    before := to_jsonb(old);
    after := to_jsonb(new);
    if tg_op = 'UPDATE' then
        if before - '{created,id,last_sync,modified,uuid}'::text[] = after - '{created,id,last_sync,modified,uuid}'::text[] then
            return null;  -- most saves, and quicker than to look at each column
        end if;
        changes := array(
            select name from unnest('{attributes,backend_id,backend_metadata,content_type_id,cost,current_usages,description,downscaled,effective_id,end_date,end_date_requested_by_id,end_date_updated_at,error_message,error_traceback,limits,name,object_id,offering_id,options,parent_id,paused,plan_id,project_id,report,restrict_member_access,slug,state}'::text[]) name
            where before -> name is distinct from after -> name
        );
        if changes = '{}' then
            return null;
        end if;
        what := case when 'state' = any(changes) then 'STATE_CHANGED' else 'UPDATED' end;
    end if;
    insert into gateway.resource_event (
        resource_id, resource_uuid, kind, old_state, new_state, project_id_before,
        project_id_after, offering_id_before, offering_id_after, changed
    ) values (
        (coalesce(after, before) ->> 'id')::integer, coalesce(after, before) ->> 'uuid', what,
        (before ->> 'state')::integer, (after ->> 'state')::integer,
        (before ->> 'project_id')::integer, (after ->> 'project_id')::integer,
        (before ->> 'offering_id')::integer, (after ->> 'offering_id')::integer, changes
    );
    perform pg_notify('gateway_resource_event', '');
    return null;
exception when others then
    raise warning 'gateway: an event of a resource is lost: %', sqlerrm;
    return null;
end $$;
revoke all on function gateway.note_resource_event() from public;
comment on function gateway.note_resource_event() is 'eeaf95788d1c3394'

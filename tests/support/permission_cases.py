"""Who may run each operation on a resource, in which states, with inputs (domain.md §4.11, §5)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.support.mutable_demo import FINISH_ORDERS_SQL, MutableDemo

RESOURCE_STATES = {
    "CREATING": 1,
    "OK": 2,
    "ERRED": 3,
    "UPDATING": 4,
    "TERMINATING": 5,
    "TERMINATED": 6,
}
CONSUMER_USERNAMES = ("owner", "manager", "admin", "member", "expired")
"""Users with a role in the project or its organisation.

An expired role counts until it is revoked.
"""
PROVIDER_USERNAMES = ("provider", "service_manager")
USERNAMES = (
    "staff",
    "support",
    *CONSUMER_USERNAMES,
    *PROVIDER_USERNAMES,
    "reader",
    "nobody",
    "revoked",
)


COPY_NAME = "Copy of a resource"
RESET_COPIES_SQL = f"""
delete from marketplace_order where resource_id in (
    select id from marketplace_resource where name = '{COPY_NAME}');
update marketplace_resource set state = 2 where name = '{COPY_NAME}'
"""


class PermissionCase(NamedTuple):
    """The users and states that an operation is allowed for."""

    field: str
    payload_type: str
    permitted_usernames: tuple[str, ...]
    allowed_states: tuple[str, ...]
    arguments: Mapping[str, Any]
    is_provider_visible: bool = True
    """Whether the resource's offering belongs to the provider of the demo."""
    setup_sql: str | None = None
    operation: str | None = None
    """Operation by which a resource is found, if it is another one."""


PERMISSION_CASES = {
    "PULL_RESOURCE": PermissionCase(
        "pullResource",
        "ResourcePulled",
        ("staff", "support", *CONSUMER_USERNAMES, *PROVIDER_USERNAMES),
        ("OK", "ERRED"),
        {},
    ),
    "MOVE_RESOURCE": PermissionCase(
        "moveResource", "ResourceMoved", ("staff",), (*RESOURCE_STATES,), {}
    ),
    "RENEW_RESOURCE": PermissionCase(
        "renewResource",
        "ResourceRenewed",
        ("staff", "owner", "manager", "admin", "expired"),
        ("OK", "ERRED"),
        {"extensionMonths": 12},
        is_provider_visible=False,
    ),
    "SET_RESOURCE_END_DATE": PermissionCase(
        "setResourceEndDate",
        "ResourceEndDateSet",
        ("staff", "owner", "provider"),
        (*RESOURCE_STATES,),
        {"endDate": "2099-12-31"},
    ),
    "ADJUST_RESOURCE_DATES": PermissionCase(
        "adjustResourceDates",
        "ResourceDatesAdjusted",
        ("staff",),
        ("CREATING", "OK", "ERRED", "UPDATING"),
        {"startDate": "2026-01-01", "endDate": "2099-12-31"},
        is_provider_visible=False,
    ),
    "UPDATE_RESOURCE_OPTIONS": PermissionCase(
        "updateResourceOptions",
        "ResourceOptionsUpdated",
        ("staff", "owner", "provider"),
        ("OK",),
        {"options": {"contact": "lab@example.org"}},
    ),
    "UPDATE_RESOURCE_LIMITS": PermissionCase(
        "updateResourceLimits",
        "ResourceLimitsUpdated",
        ("staff", "owner", "manager", "admin", "expired"),
        ("OK",),
        {"limits": {}},
        is_provider_visible=False,
    ),
    "SWITCH_RESOURCE_PLAN": PermissionCase(
        "switchResourcePlan",
        "ResourcePlanSwitched",
        ("staff", "owner", "manager", "admin", "expired"),
        ("OK",),
        {"plan": "0" * 32},
        is_provider_visible=False,
    ),
    "REALLOCATE_RESOURCE_LIMITS": PermissionCase(
        "reallocateResourceLimits",
        "ResourceLimitsReallocated",
        ("staff", "owner", "manager", "admin", "expired"),
        ("OK",),
        {"limits": {}, "targets": []},
        is_provider_visible=False,
    ),
    "TERMINATE_RESOURCE": PermissionCase(
        "terminateResource",
        "ResourceTerminationOrdered",
        ("staff", "owner", "manager", "admin", "expired", "provider"),
        ("OK", "ERRED"),
        {},
    ),
    "RESTORE_RESOURCE": PermissionCase(
        "restoreResource",
        "ResourceRestorationOrdered",
        ("staff", "provider"),
        ("TERMINATED",),
        {},
        setup_sql="update marketplace_offering set plugin_options ="
        " plugin_options || '{\"can_restore_resource\": true}'",
        operation="TERMINATE_RESOURCE",
    ),
    "UPDATE_RESOURCE": PermissionCase(
        "updateResource",
        "ResourceUpdated",
        ("staff", "owner", "manager", "expired", "provider"),
        (*RESOURCE_STATES,),
        {"description": "Shared by two groups."},
    ),
    "SET_RESOURCE_SLUG": PermissionCase(
        "setResourceSlug", "ResourceUpdated", ("staff",), (*RESOURCE_STATES,), {"slug": "new-slug"}
    ),
    "SET_RESOURCE_FLAGS": PermissionCase(
        "setResourceFlags",
        "ResourceUpdated",
        ("staff",),
        (*RESOURCE_STATES,),
        {"flag": {"paused": True}},
    ),
    "SET_RESOURCE_BACKEND_ID": PermissionCase(
        "setResourceBackendId",
        "ResourceUpdated",
        ("staff", *PROVIDER_USERNAMES),
        (*RESOURCE_STATES,),
        {"identifier": {"backendId": "backend-1"}},
    ),
    "SET_RESOURCE_BACKEND_METADATA": PermissionCase(
        "setResourceBackendMetadata",
        "ResourceUpdated",
        ("staff", "provider"),
        (*RESOURCE_STATES,),
        {"backendMetadata": {"state": "running"}},
    ),
    "SET_RESOURCE_ENDPOINTS": PermissionCase(
        "setResourceEndpoints",
        "ResourceUpdated",
        ("staff", "provider"),
        (*RESOURCE_STATES,),
        {"endpoints": [{"name": "Login", "url": "ssh://login.example.org"}]},
    ),
    "SET_RESOURCE_LIMITS": PermissionCase(
        "setResourceLimits",
        "ResourceUpdated",
        ("staff", "provider"),
        (*RESOURCE_STATES,),
        {"limits": {}},
    ),
    "SET_RESOURCE_STATE": PermissionCase(
        "setResourceState",
        "ResourceUpdated",
        ("staff", "provider"),
        (*RESOURCE_STATES,),
        {"state": {"erred": {"message": "Out of disk space."}}},
    ),
    "SUBMIT_RESOURCE_REPORT": PermissionCase(
        "submitResourceReport",
        "ResourceUpdated",
        ("staff", "provider"),
        (*RESOURCE_STATES,),
        {"report": [{"header": "Usage", "body": "Half of the quota."}]},
    ),
    "REFRESH_RESOURCE_LAST_SYNC": PermissionCase(
        "refreshResourceLastSync", "ResourceUpdated", ("staff", "provider"), (*RESOURCE_STATES,), {}
    ),
}
"""The permission table, by operation; its arguments are replaced by those of `ARGUMENTS_SQL`.

`unlinkResource` has a test of its own.
"""
ARGUMENTS_SQL = {
    "MOVE_RESOURCE": "select 'project', p.uuid::text from marketplace_resource r"
    " join structure_project p on p.id = r.project_id where r.uuid = %s",
    "UPDATE_RESOURCE_LIMITS": "with unbounded as (update marketplace_offeringcomponent"
    " set max_value = null, limit_amount = null, max_available_limit = null)"
    " select 'limits', jsonb_object_agg(l.key, l.value::int + 1)"
    " from marketplace_resource r, jsonb_each(r.limits) l where r.uuid = %s",
    "REALLOCATE_RESOURCE_LIMITS": f"""
        with source as (select r.*, (select jsonb_build_object(min(key), 1)
            from jsonb_object_keys(r.limits) key) amounts
            from marketplace_resource r where r.uuid = %s),
        target as (insert into marketplace_resource
            select (jsonb_populate_record(null::marketplace_resource, to_jsonb(s)
            || jsonb_build_object('uuid', gen_random_uuid(), 'id', nextval(
            pg_get_serial_sequence('marketplace_resource', 'id')), 'name', '{COPY_NAME}',
            'content_type_id', null, 'object_id', null))).* from source s returning uuid),
        unbounded as (update marketplace_offeringcomponent set max_value = null, min_value = null,
            limit_amount = null, max_available_limit = null)
        select 'limits', amounts from source union all select 'targets', jsonb_build_array(
            jsonb_build_object('resource', t.uuid, 'limits', amounts)) from source, target t""",
    "SWITCH_RESOURCE_PLAN": "select 'plan', p.uuid::text from marketplace_resource r"
    " join marketplace_plan p on p.id = r.plan_id where r.uuid = %s",
    "SET_RESOURCE_LIMITS": "select 'limits', limits from marketplace_resource where uuid = %s",
}
"""Statements that return a valid argument for a resource: its name and its value."""


async def list_viewers(demo: MutableDemo, uuid: str) -> set[str]:
    """Return the usernames that a resource is visible to."""
    query = "query ($uuid: UUID!) { resource(uuid: $uuid) { uuid } }"
    responses = {
        username: await demo.client.execute_query(query, username, uuid=uuid)
        for username in USERNAMES
    }
    return {name for name, response in responses.items() if response["data"]["resource"]}


async def find_resource(demo: MutableDemo, operation: str) -> str:
    """Return a resource visible to all consumers and, if the case says so, to the provider."""
    case = PERMISSION_CASES[operation]
    if case.setup_sql is not None:
        demo.run_sql(case.setup_sql)
    providers = PROVIDER_USERNAMES if case.is_provider_visible else ()
    seen_by_each = [
        await _list_visible_resources(demo, each) for each in (*CONSUMER_USERNAMES, *providers)
    ]
    for uuid in await demo.find_operable_resources(case.operation or operation):
        if all(uuid in each for each in seen_by_each):
            return uuid
    raise AssertionError(operation)


async def _list_visible_resources(demo: MutableDemo, username: str) -> set[str]:
    query = "{ resources(first: 300) { nodes { uuid } } }"
    nodes = (await demo.client.execute_query(query, username))["data"]["resources"]["nodes"]
    return {each["uuid"] for each in nodes}


def load_arguments(demo: MutableDemo, operation: str, uuid: str) -> dict[str, Any]:
    """Return valid arguments of an operation on a resource, without its uuid."""
    statement = ARGUMENTS_SQL.get(operation)
    specific_rows = [] if statement is None else demo.run_sql(statement, uuid)
    return {**PERMISSION_CASES[operation].arguments, **dict(specific_rows)}


async def find_input(demo: MutableDemo, operation: str) -> dict[str, Any]:
    """Return an input of an operation that staff may run."""
    case = PERMISSION_CASES[operation]
    state = RESOURCE_STATES[case.allowed_states[0]]
    found_operation = case.operation or operation
    condition = f"r.state in ({state}, {RESOURCE_STATES['OK']})"
    uuid = (await demo.find_operable_resources(found_operation, condition=condition))[0]
    ((resource_id,),) = demo.run_sql("select id from marketplace_resource where uuid = %s", uuid)
    demo.run_sql(FINISH_ORDERS_SQL, resource_id)
    demo.run_sql("update marketplace_resource set state = %s where uuid = %s", state, uuid)
    return {"uuid": uuid, **load_arguments(demo, operation, uuid)}

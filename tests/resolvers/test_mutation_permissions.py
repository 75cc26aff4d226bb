"""Permissions and states of the operations on resources, as a table (domain.md §4.11, §5)."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import FINISH_ORDERS_SQL, MutableDemo, serve_mutable_demo

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
}
"""The permission table, by operation; its arguments are replaced by those of `ARGUMENTS_SQL`."""
ARGUMENTS_SQL = {
    "MOVE_RESOURCE": "select 'project', p.uuid::text from marketplace_resource r"
    " join structure_project p on p.id = r.project_id where r.uuid = %s",
    "UPDATE_RESOURCE_LIMITS": "with unbounded as (update marketplace_offeringcomponent"
    " set max_value = null, limit_amount = null, max_available_limit = null)"
    " select 'limits', jsonb_object_agg(l.key, l.value::int + 1)"
    " from marketplace_resource r, jsonb_each(r.limits) l where r.uuid = %s",
    "SWITCH_RESOURCE_PLAN": "select 'plan', p.uuid::text from marketplace_resource r"
    " join marketplace_plan p on p.id = r.plan_id where r.uuid = %s",
}
"""Statements that return a valid argument for a resource: its name and its value."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


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
    required_viewers = {*CONSUMER_USERNAMES} | (
        {*PROVIDER_USERNAMES} if case.is_provider_visible else set()
    )
    if case.setup_sql is not None:
        demo.run_sql(case.setup_sql)
    for uuid in await demo.find_operable_resources(case.operation or operation):
        if required_viewers <= await list_viewers(demo, uuid):
            return uuid
    raise AssertionError(operation)


def expected_operation_typename(
    case: PermissionCase, username: str | None, state: str, viewers: set[str]
) -> str:
    """Return the type of the expected result."""
    if username is None:
        return "NotPermitted"
    if username not in viewers:
        return "NotFound"
    if username not in case.permitted_usernames:
        return "NotPermitted"
    return case.payload_type if state in case.allowed_states else "WrongState"


@pytest.mark.parametrize("operation", PERMISSION_CASES)
async def test_operations_match_the_permission_table(demo: MutableDemo, operation: str) -> None:
    case, uuid = PERMISSION_CASES[operation], await find_resource(demo, operation)
    ((resource_id,),) = demo.run_sql("select id from marketplace_resource where uuid = %s", uuid)
    specific_rows = (
        demo.run_sql(ARGUMENTS_SQL[operation], uuid) if operation in ARGUMENTS_SQL else []
    )
    arguments = {**case.arguments, **dict(specific_rows)}
    viewers = await list_viewers(demo, uuid)
    expected, results = {}, {}
    for state, number in RESOURCE_STATES.items():
        for username in (*USERNAMES, None):
            demo.run_sql(FINISH_ORDERS_SQL, resource_id)
            demo.run_sql(
                "update marketplace_resource set state = %s where id = %s", number, resource_id
            )
            result = await demo.run_mutation(case.field, username, uuid=uuid, **arguments)
            results[state, username] = result["__typename"]
            expected[state, username] = expected_operation_typename(case, username, state, viewers)
            if result["__typename"] == "WrongState":
                assert (result["state"], {*result["allowed"]}) == (state, {*case.allowed_states})
    demo.run_sql("update marketplace_resource set state = 2 where id = %s", resource_id)
    assert results == expected


async def test_direct_option_updates_are_allowed_in_any_state(demo: MutableDemo) -> None:
    """The provider may change options with `direct` in any state (domain.md §5.9)."""
    uuid = await find_resource(demo, "UPDATE_RESOURCE_OPTIONS")
    demo.run_sql(
        "update marketplace_offering set resource_options = resource_options"
        ' || \'{"options": {"note": {"type": "string"}}}\' where id ='
        " (select offering_id from marketplace_resource where uuid = %s)",
        uuid,
    )
    for state, number in RESOURCE_STATES.items():
        demo.run_sql("update marketplace_resource set state = %s where uuid = %s", number, uuid)
        arguments = {"uuid": uuid, "options": {"note": state}, "direct": True}
        assert (await demo.run_mutation("updateResourceOptions", "owner", **arguments))[
            "__typename"
        ] == ("NotPermitted")
        result = await demo.run_mutation("updateResourceOptions", "provider", **arguments)
        assert (result["__typename"], result["order"]) == ("ResourceOptionsUpdated", None)
        assert result["resource"]["state"] == state
        stored_note = demo.run_sql(
            "select options ->> 'note' from marketplace_resource where uuid = %s", uuid
        )
        assert stored_note == [(state,)]


@pytest.mark.parametrize("username", ["staff", "owner", "admin", "member", "provider"])
async def test_allowed_operations_match_the_mutations(demo: MutableDemo, username: str) -> None:
    """`allowedOperations` agrees with the results of the mutations."""
    query = "{ resources(first: 40, orderBy: NAME_ASC) { nodes { uuid allowedOperations } } }"
    project = demo.run_sql("select uuid from structure_project where not is_removed limit 1")[0][
        0
    ].hex
    nodes = (await demo.client.execute_query(query, username))["data"]["resources"]["nodes"]
    for node in nodes:
        for operation, case in PERMISSION_CASES.items():
            arguments = dict(case.arguments)
            if operation == "MOVE_RESOURCE":
                arguments["project"] = project
            if operation == "UPDATE_RESOURCE_OPTIONS":
                arguments["options"] = {}
            resource_rows = demo.run_sql(
                "select id, state, project_id from marketplace_resource where uuid = %s",
                node["uuid"],
            )
            last_order_id = demo.run_sql("select max(id) from marketplace_order")[0][0]
            result = await demo.run_mutation(case.field, username, uuid=node["uuid"], **arguments)
            is_accepted = result["__typename"] in (
                case.payload_type,
                "InvalidMonths",
                "InvalidInput",
            )
            assert is_accepted is (operation in node["allowedOperations"]), (
                username,
                operation,
                result,
            )
            ((resource_id, state, project_id),) = resource_rows
            demo.run_sql("delete from marketplace_order where id > %s", last_order_id)
            demo.run_sql(
                "update marketplace_resource set state = %s, project_id = %s where id = %s",
                state,
                project_id,
                resource_id,
            )

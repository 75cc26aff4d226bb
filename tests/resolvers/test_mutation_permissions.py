"""Permissions and states of the operations on resources, as a table (domain.md §4.11, §5)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import FINISH_ORDERS_SQL, MutableDemo, serve_mutable_demo
from tests.support.permission_cases import (
    PERMISSION_CASES,
    RESET_COPIES_SQL,
    RESOURCE_STATES,
    USERNAMES,
    PermissionCase,
    find_resource,
    list_viewers,
    load_arguments,
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


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
    arguments = load_arguments(demo, operation, uuid)
    viewers = await list_viewers(demo, uuid)
    expected, results = {}, {}
    for state, number in RESOURCE_STATES.items():
        for username in (*USERNAMES, None):
            demo.run_sql(FINISH_ORDERS_SQL, resource_id)
            demo.run_sql(RESET_COPIES_SQL)
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

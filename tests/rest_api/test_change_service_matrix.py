"""Each mutation through Waldur's REST API has the result that it has in our own marketplace."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.http.test_request_body_uploads import PDF_CONTENT, multipart_fields, send_multipart
from tests.support.bulk_orders import ORDERABLE_SQL
from tests.support.documented_role import StatementLog, list_writes
from tests.support.mutable_demo import FINISH_ORDERS_SQL, MutableDemo
from tests.support.permission_cases import (
    PERMISSION_CASES,
    RESET_COPIES_SQL,
    RESOURCE_STATES,
    find_resource,
    load_arguments,
)
from tests.support.twin_demos import TwinDemos, digest_rows, serve_twin_demos

VIEWERS = ("staff", "support", "owner", "manager", "member", "provider", "nobody", None)
SETUP_SQL = (
    "delete from policy_customerestimatedcostpolicy; delete from policy_projectestimatedcostpolicy"
)
RESET_SQL = "update marketplace_resource set state = %s, error_message = '' where id = %s"
ATTACHMENT_SQL = """
select a.content, d.type, d.request_comment from marketplace_order d
join gateway.attachment a on a.path = d.attachment order by d.id desc limit 1
"""
PAYLOAD_TYPES = ("ResourceRenewed", "ResourceLimitsUpdated", "OrderCreated")
PENDING_CONSUMER, EXECUTING, ERRED, PENDING_PROVIDER = 1, 2, 4, 7
OK, FAILED = 2, 3
LAST_ORDER_SQL = """
select uuid from marketplace_order where resource_id = %s order by id desc limit 1
"""
SET_ORDER_SQL = """
update marketplace_order set state = %s, completed_at = null
where id = (select max(id) from marketplace_order where resource_id = %s)
"""
OTHER_INPUTS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "RENEW_RESOURCE": ({"extensionMonths": 12, "requestComment": "Please."},),
    "SET_RESOURCE_END_DATE": ({"endDate": None}, {}),
    "UPDATE_RESOURCE": (
        {"name": "Renamed"},
        {"endDate": "2098-01-01"},
        {"endDate": None},
        {"name": "Named again", "description": ""},
    ),
    "UPDATE_RESOURCE_OPTIONS": ({"options": {"contact": "us"}, "direct": True}, {"options": {}}),
    "SET_RESOURCE_FLAGS": (
        {"flag": {"downscaled": True}},
        {"flag": {"restrictMemberAccess": True}},
        {"flag": {"paused": False}},
    ),
    "SET_RESOURCE_BACKEND_ID": (
        {"identifier": {"effectiveId": "new"}},
        {"identifier": {"backendId": ""}},
    ),
    "SET_RESOURCE_BACKEND_METADATA": (
        {"backendMetadata": {"price": 1.10, "list": [None]}},
        {"backendMetadata": "text"},
    ),
    "SET_RESOURCE_ENDPOINTS": ({"endpoints": []},),
    "SET_RESOURCE_STATE": ({"state": {"ok": {}}}, {"state": {"ok": {"keepErrors": True}}}),
    "TERMINATE_RESOURCE": ({"attributes": {"delete_volumes": True}},),
}
"""Further inputs by operation; staff runs them."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served_twins(new_database: DatabaseFactory) -> AsyncIterator[TwinDemos]:
    """Yield two equal demos."""
    async with serve_twin_demos(new_database, 300, SETUP_SQL) as twin_demos:
        yield twin_demos


@pytest.fixture
def twins(served_twins: TwinDemos, server_folder: Path) -> Iterator[TwinDemos]:
    """Yield two equal demos; the gateway over Waldur must not write to its database."""
    statement_log = StatementLog(server_folder)
    yield served_twins
    statements = statement_log.take_statements()
    assert statements
    assert list_writes(statements) == []


@pytest.mark.parametrize("operation", PERMISSION_CASES)
async def test_mutations_of_resources(twins: TwinDemos, operation: str) -> None:
    case = PERMISSION_CASES[operation]
    uuid = await find_resource(twins.local, operation)
    if case.setup_sql is not None:
        twins.remote.run_sql(case.setup_sql)
    ((resource_id,),), _ = twins.run_sql(
        "select id from marketplace_resource where uuid = %s", uuid
    )
    inputs = (
        {"uuid": uuid, **load_arguments(twins.local, operation, uuid)},
        {"uuid": uuid, **load_arguments(twins.remote, operation, uuid)},
    )
    type_names = set()
    for state, usernames in (
        (case.allowed_states[0], VIEWERS),
        (next(reversed(RESOURCE_STATES)), ("staff", "owner", "provider")),
    ):
        for username in usernames:
            reset_resource(twins, resource_id, state)
            result = await twins.compare_mutation(case.field, inputs, username)
            type_names.add(result["__typename"])
    for values in OTHER_INPUTS.get(operation, ()):
        reset_resource(twins, resource_id, case.allowed_states[0])
        await twins.compare_mutation(case.field, {"uuid": uuid, **values})
    assert {case.payload_type, "NotFound", "NotPermitted"} <= type_names
    assert digest_rows(twins.remote) == digest_rows(twins.local)
    reset_resource(twins, resource_id, "OK")


def reset_resource(twins: TwinDemos, resource_id: int, state: str) -> None:
    """Finish the orders of a resource and set its state."""
    twins.run_sql(FINISH_ORDERS_SQL, resource_id)
    twins.run_sql(RESET_COPIES_SQL)
    twins.run_sql(RESET_SQL, RESOURCE_STATES[state], resource_id)


ORDER_CASES: tuple[tuple[str, dict[str, Any], int, int], ...] = (
    ("approveOrder", {}, PENDING_CONSUMER, OK),
    ("approveOrder", {}, PENDING_PROVIDER, OK),
    ("rejectOrder", {"comment": "Too much."}, PENDING_CONSUMER, OK),
    ("rejectOrder", {}, PENDING_PROVIDER, OK),
    ("cancelOrder", {}, PENDING_CONSUMER, OK),
    ("setOrderState", {"state": "EXECUTING"}, PENDING_PROVIDER, OK),
    ("setOrderState", {"state": "DONE"}, EXECUTING, OK),
    ("setOrderState", {"state": "ERRED", "errorMessage": "Broken."}, EXECUTING, OK),
    ("setOrderState", {"state": "EXECUTING"}, ERRED, FAILED),
    ("retryOrder", {}, ERRED, FAILED),
    ("approveOrder", {}, EXECUTING, OK),
    ("rejectOrder", {}, ERRED, OK),
    ("cancelOrder", {}, ERRED, OK),
    ("setOrderState", {"state": "DONE"}, PENDING_CONSUMER, OK),
    ("retryOrder", {}, PENDING_CONSUMER, OK),
)
"""Mutations of orders with inputs, the state of the order, and that of its resource."""


@pytest.mark.parametrize(("field", "values", "order_state", "resource_state"), ORDER_CASES)
async def test_mutations_of_orders(
    twins: TwinDemos, field: str, values: dict[str, Any], order_state: int, resource_state: int
) -> None:
    resource = await find_resource(twins.local, "TERMINATE_RESOURCE")
    ((resource_id,),), _ = twins.run_sql(
        "select id from marketplace_resource where uuid = %s", resource
    )
    reset_resource(twins, resource_id, "OK")
    await twins.compare_mutation("terminateResource", {"uuid": resource})
    orders, copies = twins.run_sql(LAST_ORDER_SQL, resource_id)
    inputs = [{"uuid": each[0][0].hex, **values} for each in (orders, copies)]
    for username in reversed(VIEWERS):
        twins.run_sql(SET_ORDER_SQL, order_state, resource_id)
        twins.run_sql(RESET_SQL, resource_state, resource_id)
        await twins.compare_mutation(field, (*inputs,), username)
    assert digest_rows(twins.remote) == digest_rows(twins.local)
    reset_resource(twins, resource_id, "OK")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"plan": None},
        {"attributes": {"description": "For tests"}, "requestComment": "Please."},
        {"startDate": "2098-01-01", "acceptTermsOfService": True},
        {"name": ""},
        {"project": "0" * 32},
        {"limits": {"nothing": 1}},
    ],
)
async def test_new_resources(twins: TwinDemos, values: dict[str, Any]) -> None:
    ((*uuids,),), _ = twins.run_sql(ORDERABLE_SQL)
    names = zip(("offering", "plan", "project"), [each.hex for each in uuids], strict=True)
    input_values = {**dict(names), "name": "New resource", **values}
    for username in ("staff", "owner") if values else VIEWERS:
        await twins.compare_mutation("createOrder", input_values, username)
    assert digest_rows(twins.remote) == digest_rows(twins.local)


@pytest.mark.parametrize(
    ("field", "operation", "request_count"),
    [
        ("renewResource", "RENEW_RESOURCE", 1),
        ("updateResourceLimits", "UPDATE_RESOURCE_LIMITS", 1),
        ("createOrder", None, 2),
    ],
)
async def test_attachments(
    twins: TwinDemos, field: str, operation: str | None, request_count: int
) -> None:
    """Orders have the same file; in Waldur, that of a new resource is stored afterwards."""
    if operation is None:
        ((*uuids,),), _ = twins.run_sql(ORDERABLE_SQL)
        names = ("offering", "plan", "project")
        input_values: dict[str, Any] = {
            "name": "With a file",
            **{name: each.hex for name, each in zip(names, uuids, strict=True)},
        }
    else:
        uuid = await find_resource(twins.local, operation)
        arguments = [load_arguments(each, operation, uuid) for each in twins.demos]
        input_values = {"uuid": uuid, "requestComment": "Please.", **arguments[0]}
    twins.stand_in.take_requests()
    for demo in twins.demos:
        response = await upload_order(demo, field, input_values)
        assert response["data"][field]["__typename"] in PAYLOAD_TYPES, response
    assert len(twins.stand_in.take_requests()) == request_count
    assert twins.stand_in.violations == []
    orders, copies = twins.run_sql(ATTACHMENT_SQL)
    assert orders == copies
    assert bytes(orders[0][0]) == PDF_CONTENT
    if operation is not None:
        ((resource_id,),), _ = twins.run_sql(
            "select id from marketplace_resource where uuid = %s", input_values["uuid"]
        )
        reset_resource(twins, resource_id, "OK")


async def upload_order(demo: MutableDemo, field: str, input_values: dict[str, Any]) -> Any:
    """Run a mutation that places an order with a file, and return the response."""
    document = (
        f"mutation ($input: {field[0].upper()}{field[1:]}Input!)"
        f" {{ {field}(input: $input) {{ __typename ... on Problem {{ message }} }} }}"
    )
    variables = {"input": {**input_values, "attachment": None}}
    operations = json.dumps({"query": document, "variables": variables})
    return (await send_multipart(demo, multipart_fields(operations, file=PDF_CONTENT))).json()


@pytest.mark.parametrize("username", ["owner", "provider", "staff"])
async def test_unlinked_resources(twins: TwinDemos, username: str) -> None:
    (uuid, *_) = await twins.local.find_operable_resources("UNLINK_RESOURCE")
    await twins.compare_mutation("unlinkResource", {"uuid": uuid}, username)
    assert digest_rows(twins.remote) == digest_rows(twins.local)

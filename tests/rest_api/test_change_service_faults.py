"""Each operation with each fault of Waldur, over the whole gateway: the answer, and one request."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from gateway.db.tables.codes import OrderState, ResourceState
from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import RESULT_SELECTION, MutableDemo, serve_mutable_demo
from tests.support.permission_cases import PERMISSION_CASES, find_input
from tests.support.raw_server import RawExchange, RawServer, Talk, run_raw_server

OPERATIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "pullResource": ("PULL_RESOURCE", {}),
    "terminateResource": ("TERMINATE_RESOURCE", {}),
}
"""The operation that `allowedOperations` has, and the input without the uuid, by mutation."""
NOT_REPEATABLE = (
    "renewResource",
    "updateResourceLimits",
    "switchResourcePlan",
    "reallocateResourceLimits",
    "terminateResource",
    "restoreResource",
    "unlinkResource",
    "createOrder",
    "approveOrder",
    "rejectOrder",
    "cancelOrder",
    "setOrderState",
    "retryOrder",
)
"""Mutations that place or review orders, or whose repetition has another answer.

Options of the tested resource need no order.
"""
ORDER_CASES = {
    "approveOrder": (OrderState.PENDING_CONSUMER, {}),
    "rejectOrder": (OrderState.PENDING_PROVIDER, {}),
    "cancelOrder": (OrderState.PENDING_CONSUMER, {}),
    "setOrderState": (OrderState.PENDING_PROVIDER, {"state": "EXECUTING"}),
    "retryOrder": (OrderState.ERRED, {}),
}
"""The state of the order, and the input without the uuid, by mutation."""
SET_ORDER_SQL = """
update marketplace_order set state = %s, type = 2 where id = (
    select min(o.id) from marketplace_order o join marketplace_resource r on r.id = o.resource_id
    join marketplace_offering f on f.id = o.offering_id
    where r.state = 2 and f.type = 'Marketplace.Basic' and not exists (
        select from marketplace_order other where other.resource_id = r.id and other.id != o.id
        and other.state in (1, 2, 7, 8, 9)))
returning uuid
"""
ORDERABLE_SQL = """
select f.uuid, p.uuid, j.uuid from marketplace_offering f
join marketplace_plan p on p.offering_id = f.id and not p.archived, structure_project j
where f.type = 'Marketplace.Basic' and f.state = 2 and f.shared and not j.is_removed
and j.end_date is null and not exists (
    select from marketplace_offeringcomponent c where c.offering_id = f.id and c.is_prepaid)
order by f.id, j.id limit 1
"""
SETUP_SQL = """
update marketplace_offering set plugin_options = plugin_options || '{"can_restore_resource": true}'
"""
CLOSING = {"Connection": "close"}
"""Header by which the server says that it closes the connection."""
SELECTION = RESULT_SELECTION + "... on Unavailable { retryable } "
HTML = b"<!doctype html><h1>Server error</h1>"
CERTAIN, REPEAT_SAFELY, NEVER = "always", "if it is repeatable", "never"


class Fault(NamedTuple):
    """What happens to a request, and the answer to it."""

    talk: Talk
    type_name: str
    retryable: str = ""
    text: str = ""


def answer(status: int, content: bytes, media_type: str = "application/json") -> Talk:
    async def talk(exchange: RawExchange) -> None:
        exchange.write_answer(status, content, media_type, CLOSING)

    return talk


async def close_at_once(_exchange: RawExchange) -> None:
    pass


async def cut_body(exchange: RawExchange) -> None:
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{")


async def never_answer(_exchange: RawExchange) -> None:
    await asyncio.Event().wait()


async def redirect_to_login(exchange: RawExchange) -> None:
    exchange.write_answer(302, b"", "text/html", {"Location": "/login/", **CLOSING})


async def ask_to_wait(exchange: RawExchange) -> None:
    headers = {"Retry-After": "9", **CLOSING}
    exchange.write_answer(429, b'{"detail": "Throttled."}', headers=headers)


FAULTS = {
    "refused values": Fault(answer(400, b'["Over the limit."]'), "InvalidInput"),
    "forbidden": Fault(answer(403, b'{"detail": "Consent first."}'), "NotPermitted"),
    "missing object": Fault(answer(404, b'{"detail": "Not found."}'), "NotFound"),
    "conflict": Fault(answer(409, b'{"detail": "Valid states: OK."}'), "Conflict"),
    "missing route": Fault(answer(404, HTML, "text/html"), "Unavailable", NEVER, "lacks"),
    "throttled": Fault(ask_to_wait, "Unavailable", CERTAIN, "in 9 seconds"),
    "redirect": Fault(redirect_to_login, "Unavailable", NEVER, "GATEWAY_WALDUR_URL"),
    "500": Fault(answer(500, HTML, "text/html"), "Unavailable", REPEAT_SAFELY, "500"),
    "502": Fault(answer(502, HTML, "text/html"), "Unavailable", REPEAT_SAFELY, "502"),
    "HTML": Fault(answer(200, HTML, "text/html"), "Unavailable", REPEAT_SAFELY, "can't be read"),
    "garbage": Fault(answer(200, b"{"), "Unavailable", REPEAT_SAFELY, "can't be read"),
    "closed": Fault(close_at_once, "Unavailable", REPEAT_SAFELY, "lost"),
    "cut": Fault(cut_body, "Unavailable", REPEAT_SAFELY, "lost"),
}


@asynccontextmanager
async def open_scene(url: str, **settings: str) -> AsyncIterator[tuple[MutableDemo, RawServer]]:
    """Yield a marketplace whose changes are sent to a server, and that server."""
    with run_raw_server(answer(200, b"{}")) as server:
        async with serve_mutable_demo(
            url,
            60,
            setup_sql=SETUP_SQL,
            changes="waldur",
            waldur_url=server.url,
            keep_tokens="off",
            **settings,
        ) as demo:
            yield demo, server


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def scene(new_database: DatabaseFactory) -> AsyncIterator[tuple[MutableDemo, RawServer]]:
    """Yield a marketplace and the server that its changes are sent to."""
    async with open_scene(new_database()) as scene:
        yield scene


async def run_operation(demo: MutableDemo, field: str) -> Any:
    """Run a mutation of a resource that allows it; return the response."""
    operation, values = OPERATIONS[field]
    (uuid, *_) = await demo.find_operable_resources(operation)
    return await send_mutation(demo, field, {"uuid": uuid, **values})


async def send_mutation(demo: MutableDemo, field: str, input_values: Mapping[str, Any]) -> Any:
    """Run a mutation and return the response."""
    document = (
        f"mutation ($input: {field[0].upper()}{field[1:]}Input!)"
        f" {{ {field}(input: $input) {{ {SELECTION} }} }}"
    )
    return await demo.client.execute_query(document, input=input_values)


async def close_circuit_breaker(demo: MutableDemo, server: RawServer) -> None:
    """Accept a request, so that the failures before do not count."""
    server.talk = answer(200, b"{}")
    response = await run_operation(demo, "pullResource")
    assert response["data"]["pullResource"]["__typename"] == "ResourcePulled"
    server.exchanges.clear()


async def check_faults(
    scene: tuple[MutableDemo, RawServer], field: str, input_values: Mapping[str, Any]
) -> None:
    """Check that a mutation has a typed answer and one request, whatever happens to that."""
    demo, server = scene
    before = demo.digest_tables()
    for name, fault in FAULTS.items():
        await close_circuit_breaker(demo, server)
        server.talk = fault.talk
        response = await send_mutation(demo, field, input_values)
        has_fallback = name == "missing route" and field == "setResourceEndDate"
        assert len(server.exchanges) == (2 if has_fallback else 1), (name, response)
        assert "errors" not in response, (name, response)
        check_result(response["data"][field], fault, is_repeatable=field not in NOT_REPEATABLE)
    assert demo.digest_tables() == before


def check_result(result: Any, fault: Fault, *, is_repeatable: bool) -> None:
    """Check that a result is that of a fault."""
    assert result["__typename"] == fault.type_name, (fault, result)
    if fault.type_name == "Unavailable":
        may_repeat = fault.retryable == REPEAT_SAFELY and is_repeatable
        assert result["retryable"] is (fault.retryable == CERTAIN or may_repeat), (fault, result)
        assert fault.text in result["message"]
        is_uncertain = "may have been carried out" in result["message"]
        assert is_uncertain is (fault.retryable == REPEAT_SAFELY)


@pytest.mark.parametrize("operation", PERMISSION_CASES)
async def test_faults_of_operations_on_resources(
    scene: tuple[MutableDemo, RawServer], operation: str
) -> None:
    input_values = await find_input(scene[0], operation)
    await check_faults(scene, PERMISSION_CASES[operation].field, input_values)


async def test_faults_of_unlinking(scene: tuple[MutableDemo, RawServer]) -> None:
    (uuid, *_) = await scene[0].find_operable_resources("UNLINK_RESOURCE")
    await check_faults(scene, "unlinkResource", {"uuid": uuid})


@pytest.mark.parametrize("field", ORDER_CASES)
async def test_faults_of_operations_on_orders(
    scene: tuple[MutableDemo, RawServer], field: str
) -> None:
    state, values = ORDER_CASES[field]
    ((uuid,),) = scene[0].run_sql(SET_ORDER_SQL, state.value)
    await check_faults(scene, field, {"uuid": uuid.hex, **values})


async def test_faults_of_new_orders(scene: tuple[MutableDemo, RawServer]) -> None:
    ((*uuids,),) = scene[0].run_sql(ORDERABLE_SQL)
    names = zip(("offering", "plan", "project"), [each.hex for each in uuids], strict=True)
    await check_faults(scene, "createOrder", {**dict(names), "name": "New"})


@pytest.mark.parametrize("field", ["pullResource", "terminateResource"])
async def test_missing_answer_is_given_up(new_database: DatabaseFactory, field: str) -> None:
    async with open_scene(new_database(), waldur_answer_seconds="1") as (demo, server):
        server.talk = never_answer
        response = await run_operation(demo, field)
        assert len(server.exchanges) == 1
    result = response["data"][field]
    assert result["__typename"] == "Unavailable"
    assert result["retryable"] is (field not in NOT_REPEATABLE)
    assert "did not answer within 1 seconds" in result["message"]
    assert "may have been carried out" in result["message"]


async def test_rejected_token_is_an_error_of_the_field(
    scene: tuple[MutableDemo, RawServer],
) -> None:
    demo, server = scene
    await close_circuit_breaker(demo, server)
    server.talk = answer(401, b'{"detail": "Invalid token."}')
    response = await run_operation(demo, "pullResource")
    (error,) = response["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert "Invalid token." in error["message"]
    assert len(server.exchanges) == 1


async def test_conflict_after_the_state_has_changed_is_a_wrong_state(
    scene: tuple[MutableDemo, RawServer],
) -> None:
    demo, server = scene
    await close_circuit_breaker(demo, server)
    (uuid, *_) = await demo.find_operable_resources("PULL_RESOURCE")
    set_state_sql = "update marketplace_resource set state = %s where uuid = %s"

    async def change_state(exchange: RawExchange) -> None:
        demo.run_sql(set_state_sql, ResourceState.UPDATING.value, uuid)
        exchange.write_answer(409, b'{"detail": "Valid states: OK."}', headers=CLOSING)

    server.talk = change_state
    result = await demo.run_mutation("pullResource", uuid=uuid)
    demo.run_sql(set_state_sql, ResourceState.OK.value, uuid)
    assert (result["__typename"], result["state"]) == ("WrongState", "UPDATING")

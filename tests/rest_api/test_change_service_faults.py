"""Each operation with each fault of Waldur, over the whole gateway: the answer, and one request."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from gateway.db.tables.codes import ResourceState
from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import RESULT_SELECTION, MutableDemo, serve_mutable_demo
from tests.support.raw_server import RawExchange, RawServer, Talk, run_raw_server

OPERATIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "pullResource": ("PULL_RESOURCE", {}),
    "setResourceEndDate": ("SET_RESOURCE_END_DATE", {"endDate": "2098-01-01"}),
    "renewResource": ("RENEW_RESOURCE", {"extensionMonths": 12}),
    "terminateResource": ("TERMINATE_RESOURCE", {}),
    "setResourceSlug": ("SET_RESOURCE_SLUG", {"slug": "new-slug"}),
}
"""The operation that `allowedOperations` has, and the input without the uuid, by mutation."""
REPEATABLE = ("pullResource", "setResourceEndDate", "setResourceSlug")
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
        exchange.write_answer(status, content, media_type)

    return talk


async def close_at_once(_exchange: RawExchange) -> None:
    pass


async def cut_body(exchange: RawExchange) -> None:
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{")


async def never_answer(_exchange: RawExchange) -> None:
    await asyncio.Event().wait()


async def redirect_to_login(exchange: RawExchange) -> None:
    exchange.write_answer(302, b"", "text/html", {"Location": "/login/"})


async def ask_to_wait(exchange: RawExchange) -> None:
    exchange.write_answer(429, b'{"detail": "Throttled."}', headers={"Retry-After": "9"})


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
            url, 60, changes="waldur", waldur_url=server.url, keep_tokens="off", **settings
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
    document = (
        f"mutation ($input: {field[0].upper()}{field[1:]}Input!)"
        f" {{ {field}(input: $input) {{ {SELECTION} }} }}"
    )
    return await demo.client.execute_query(document, input={"uuid": uuid, **values})


async def close_circuit_breaker(demo: MutableDemo, server: RawServer) -> None:
    """Accept a request, so that the failures before do not count."""
    server.talk = answer(200, b"{}")
    response = await run_operation(demo, "pullResource")
    assert response["data"]["pullResource"]["__typename"] == "ResourcePulled"
    server.exchanges.clear()


@pytest.mark.parametrize("field", OPERATIONS)
@pytest.mark.parametrize("name", FAULTS)
async def test_fault_has_a_typed_answer_and_one_request(
    scene: tuple[MutableDemo, RawServer], field: str, name: str
) -> None:
    demo, server = scene
    await close_circuit_breaker(demo, server)
    before, fault = demo.digest_tables(), FAULTS[name]
    server.talk = fault.talk
    response = await run_operation(demo, field)
    has_fallback = name == "missing route" and field == "setResourceEndDate"
    assert len(server.exchanges) == (2 if has_fallback else 1)
    result = response["data"][field]
    assert "errors" not in response
    assert result["__typename"] == fault.type_name
    if fault.type_name == "Unavailable":
        may_repeat = fault.retryable == REPEAT_SAFELY and field in REPEATABLE
        assert result["retryable"] is (fault.retryable == CERTAIN or may_repeat)
        assert fault.text in result["message"]
        is_uncertain = "may have been carried out" in result["message"]
        assert is_uncertain is (fault.retryable == REPEAT_SAFELY)
    assert demo.digest_tables() == before


@pytest.mark.parametrize("field", ["pullResource", "terminateResource"])
async def test_missing_answer_is_given_up(new_database: DatabaseFactory, field: str) -> None:
    async with open_scene(new_database(), waldur_answer_seconds="1") as (demo, server):
        server.talk = never_answer
        response = await run_operation(demo, field)
        assert len(server.exchanges) == 1
    result = response["data"][field]
    assert result["__typename"] == "Unavailable"
    assert result["retryable"] is (field in REPEATABLE)
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
        exchange.write_answer(409, b'{"detail": "Valid states for operation: OK."}')

    server.talk = change_state
    result = await demo.run_mutation("pullResource", uuid=uuid)
    demo.run_sql(set_state_sql, ResourceState.OK.value, uuid)
    assert (result["__typename"], result["state"]) == ("WrongState", "UPDATING")

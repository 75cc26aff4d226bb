"""Faults of the way to Waldur: the right problem for each, and one request."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import pytest

from gateway.db.access.viewer import Viewer
from gateway.marketplace.problems import InvalidInput, Unavailable
from gateway.rest_api.circuit_breaker import FAILURE_THRESHOLD
from gateway.rest_api.rest_connection import MAX_ANSWER_BYTES
from tests.support.raw_server import RawExchange, run_raw_server
from tests.support.rest_clients import ACTION, REQUESTER, open_rest_client
from tests.support.time_limits import wait_until


def answer_with(
    status: int,
    content: bytes = b"{}",
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Callable[[RawExchange], Awaitable[None]]:
    async def talk(exchange: RawExchange) -> None:
        exchange.write_answer(status, content, media_type, headers or {})

    return talk


async def close_at_once(_exchange: RawExchange) -> None:
    pass


async def cut_head(exchange: RawExchange) -> None:
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-")


async def cut_body(exchange: RawExchange) -> None:
    exchange.writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"
    )


async def cut_chunks(exchange: RawExchange) -> None:
    exchange.writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"
    )


async def reset_connection(exchange: RawExchange) -> None:
    exchange.writer.transport.abort()


async def speak_nonsense(exchange: RawExchange) -> None:
    exchange.writer.write(b"220 smtp.example.org ESMTP\r\n")


async def send_endless_body(exchange: RawExchange) -> None:
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    for _ in range(MAX_ANSWER_BYTES // 10**5 * 10):
        exchange.writer.write(b"x" * 10**5)
        await exchange.writer.drain()


async def never_answer(_exchange: RawExchange) -> None:
    await asyncio.Event().wait()


async def drip_body(exchange: RawExchange) -> None:
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        exchange.writer.write(b" ")
        await asyncio.sleep(0.05)


HTML = b"<!doctype html><h1>Log in</h1>"
POSSIBLY_DONE_FAULTS = {
    "closed without an answer": (close_at_once, "lost"),
    "cut in the head": (cut_head, "lost"),
    "cut in the body": (cut_body, "lost"),
    "cut in a chunk": (cut_chunks, "lost"),
    "reset": (reset_connection, "lost"),
    "another protocol": (speak_nonsense, "lost"),
    "a body without end": (send_endless_body, "too large"),
    "no answer": (never_answer, "did not answer within 1 seconds"),
    "a slow body": (drip_body, "did not answer within 1 seconds"),
    "500": (answer_with(500, HTML, "text/html"), "500"),
    "502": (answer_with(502, HTML, "text/html"), "502"),
    "503": (answer_with(503), "503"),
    "504": (answer_with(504), "504"),
    "HTML instead of JSON": (answer_with(200, HTML, "text/html"), "can't be read"),
    "garbage": (answer_with(200, b'{"order_uuid": '), "can't be read"),
    "nested JSON": (answer_with(200, b"[" * 10**5), "can't be read"),
    "not UTF-8": (answer_with(200, b'"\xff"'), "can't be read"),
    "compressed": (answer_with(200, b"{}", headers={"Content-Encoding": "gzip"}), "can't be read"),
}


@pytest.mark.parametrize("is_repeatable", [False, True])
@pytest.mark.parametrize("name", POSSIBLY_DONE_FAULTS)
async def test_fault_after_sending_is_uncertain(name: str, is_repeatable: bool) -> None:
    talk, text = POSSIBLY_DONE_FAULTS[name]
    request = replace(ACTION, is_repeatable=is_repeatable)
    with run_raw_server(talk) as server:
        seconds = "1" if talk in (never_answer, drip_body) else "30"
        async with open_rest_client(server.url, waldur_answer_seconds=seconds) as client:
            outcome = await client.send_request(REQUESTER, request)
        assert len(server.exchanges) == 1
    assert isinstance(outcome.problem, Unavailable)
    assert outcome.may_be_done
    assert outcome.problem.retryable is is_repeatable
    assert text in outcome.problem.message
    assert "may have been carried out" in outcome.problem.message


FOREIGN = "GATEWAY_WALDUR_URL"
REFUSED_FAULTS = {
    "redirect to a login page": (
        answer_with(302, headers={"Location": "/login/"}),
        False,
        FOREIGN,
    ),
    "redirect to https": (
        answer_with(301, headers={"Location": "https://h/"}),
        False,
        FOREIGN,
    ),
    "HTML 403": (answer_with(403, HTML, "text/html"), False, FOREIGN),
    "HTML 401": (answer_with(401, HTML, "text/html"), False, FOREIGN),
    "plain 404": (answer_with(404, b"404", "text/plain"), False, FOREIGN),
    "413 of a proxy": (answer_with(413, HTML, "text/html"), False, "413"),
    "415": (answer_with(415, b'{"detail": "Unsupported."}'), False, "Unsupported."),
    "410": (answer_with(410), False, "410"),
    "429": (answer_with(429, headers={"Retry-After": "17"}), True, "in 17 seconds"),
    "429 without a time": (answer_with(429, HTML, "text/html"), True, "later"),
    "429 with a date": (answer_with(429, headers={"Retry-After": "Mon, 1 Jan"}), True, "later"),
    "maintenance": (answer_with(503, headers={"Retry-After": "60"}), True, "in 60 seconds"),
}


@pytest.mark.parametrize("name", REFUSED_FAULTS)
async def test_refusal_by_another_than_the_action_is_unavailable(name: str) -> None:
    talk, is_retryable, text = REFUSED_FAULTS[name]
    with run_raw_server(talk) as server:
        async with open_rest_client(server.url) as client:
            outcome = await client.send_request(REQUESTER, ACTION)
        assert len(server.exchanges) == 1
    assert isinstance(outcome.problem, Unavailable)
    assert not outcome.may_be_done
    assert outcome.problem.retryable is is_retryable
    assert text in outcome.problem.message


@pytest.mark.parametrize(
    "content", [b"[%s[]]" % (b"[]," * 10**6), b'{"end_date": [%s""]}' % (b'"x",' * 10**6)]
)
async def test_texts_of_very_long_refusals_are_not_read(content: bytes) -> None:
    with run_raw_server(answer_with(400, content)) as server:
        async with open_rest_client(server.url) as client:
            outcome = await client.send_request(REQUESTER, ACTION)
    assert outcome.problem == InvalidInput(message="Waldur refuses the operation.", fields=[])
    assert outcome.answer is not None
    assert outcome.answer.body is None


async def test_refused_connection_is_retryable() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with open_rest_client(url) as client:
            outcome = await client.send_request(REQUESTER, ACTION)
    assert outcome.problem == Unavailable(
        message="Waldur can't be reached. Nothing was changed.", retryable=True
    )
    assert not outcome.may_be_done


async def test_unknown_host_is_retryable() -> None:
    async with open_rest_client("http://waldur.invalid") as client:
        outcome = await client.send_request(REQUESTER, ACTION)
    assert isinstance(outcome.problem, Unavailable)
    assert outcome.problem.retryable


async def test_open_circuit_breaker_answers_at_once() -> None:
    with run_raw_server(answer_with(502)) as server:
        async with open_rest_client(server.url) as client:
            for _ in range(FAILURE_THRESHOLD):
                await client.send_request(REQUESTER, ACTION)
            outcome = await client.send_request(REQUESTER, ACTION)
        assert len(server.exchanges) == FAILURE_THRESHOLD
    assert isinstance(outcome.problem, Unavailable)
    assert outcome.problem.retryable
    assert not outcome.may_be_done


async def test_failing_requests_of_one_user_do_not_refuse_those_of_others() -> None:
    other_requester = replace(REQUESTER, viewer=Viewer(user_id=2))
    with run_raw_server(answer_with(502)) as server:
        async with open_rest_client(server.url) as client:
            for _ in range(FAILURE_THRESHOLD):
                await client.send_request(REQUESTER, ACTION)
            server.talk = answer_with(200)
            outcome = await client.send_request(other_requester, ACTION)
            assert outcome.problem is None
            assert (await client.send_request(REQUESTER, ACTION)).problem is None


async def test_requests_do_not_pile_up_at_a_server_that_hangs() -> None:
    with run_raw_server(never_answer) as server:
        async with open_rest_client(
            server.url, waldur_connections="2", waldur_connect_seconds="1"
        ) as client:
            tasks = [asyncio.create_task(client.send_request(REQUESTER, ACTION)) for _ in range(6)]
            await wait_until(lambda: sum(each.done() for each in tasks) == 4)
            busy_outcomes = [each.result() for each in tasks if each.done()]
            assert len(server.exchanges) == 2
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in busy_outcomes:
        assert isinstance(outcome.problem, Unavailable)
        assert outcome.problem.retryable
        assert not outcome.may_be_done


async def test_token_is_neither_logged_nor_in_a_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    with run_raw_server(cut_body) as server:
        async with open_rest_client(server.url) as client:
            outcome = await client.send_request(REQUESTER, ACTION)
    assert caplog.records
    assert REQUESTER.credentials.key is not None
    assert REQUESTER.credentials.key not in f"{caplog.text} {outcome}"

"""Connections to the REST API: stale ones, TLS, HTTP/2."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpcore
import pytest
import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config

from gateway.marketplace.problems import Unavailable
from gateway.rest_api.rest_connection import MAX_CONNECTION_REQUESTS, RestConnectionPool
from gateway.rest_api.tls_context import create_tls_context
from tests.support.raw_server import RawExchange, build_answer, damage_records, run_raw_server
from tests.support.rest_clients import ACTION, REQUESTER, SECRET_KEY, open_rest_client
from tests.support.rest_server import RestServer
from tests.support.time_limits import wait_until


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    """Return a certificate authority and the file of its certificate."""
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return authority, path


def make_server_context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def answer_and_close(exchange: RawExchange) -> None:
    exchange.write_answer(200, b"{}")


async def test_connection_that_the_server_closed_is_not_used_again() -> None:
    with run_raw_server(answer_and_close) as server:
        url = httpcore.URL(server.url)
        pool = RestConnectionPool(
            url.origin, create_tls_context(None), max_connections=1, wait_seconds=9
        )
        for count in range(1, 4):
            async with pool.acquire_connection() as connection:
                answer = await connection.send_request(
                    httpcore.Request("GET", url, headers={"Host": "waldur"})
                )
            assert answer.content == b"{}"
            await wait_until(connection.is_stale)
            assert server.connection_count == len(server.exchanges) == count
        await pool.close()


async def answer_and_keep_open(exchange: RawExchange) -> None:
    exchange.write_answer(200, b"{}")
    exchange.keeps_open = True


async def test_connection_is_closed_before_servers_do_so() -> None:
    with run_raw_server(answer_and_keep_open) as server:
        async with open_rest_client(server.url) as client:
            for expected_count in (1, 2):
                for _ in range(MAX_CONNECTION_REQUESTS):
                    await client.send_request(REQUESTER, ACTION)
                assert server.connection_count == expected_count


async def answer_twice(exchange: RawExchange) -> None:
    surplus_answer = build_answer(200, b'{"of": "another request"}')
    exchange.writer.write(build_answer(200, exchange.content) + surplus_answer)
    exchange.keeps_open = True


async def test_what_follows_an_answer_is_not_the_next_answer() -> None:
    with run_raw_server(answer_twice) as server:
        async with open_rest_client(server.url) as client:
            for number in range(3):
                request = replace(ACTION, body={"number": number})
                outcome = await client.send_request(REQUESTER, request)
                assert outcome.answer is not None
                assert outcome.answer.body == {"number": number}


async def test_own_authority_is_trusted_if_it_is_set(authority: tuple[trustme.CA, Path]) -> None:
    with run_raw_server(answer_and_close, make_server_context(authority[0])) as server:
        async with open_rest_client(server.url, waldur_ca_file=str(authority[1])) as client:
            outcome = await client.send_request(REQUESTER, ACTION)
    assert outcome.problem is None


async def test_damaged_tls_is_a_lost_connection(authority: tuple[trustme.CA, Path]) -> None:
    with run_raw_server(damage_records, make_server_context(authority[0])) as server:
        async with open_rest_client(server.url, waldur_ca_file=str(authority[1])) as client:
            outcome = await client.send_request(REQUESTER, ACTION)
    assert isinstance(outcome.problem, Unavailable)
    assert outcome.may_be_done
    assert "connection to Waldur was lost" in outcome.problem.message


@pytest.mark.parametrize("fault", ["unknown authority", "wrong name"])
async def test_wrong_certificate_gets_no_request(
    authority: tuple[trustme.CA, Path], fault: str
) -> None:
    issuer = trustme.CA() if fault == "unknown authority" else authority[0]
    name = "waldur.example.org" if fault == "wrong name" else "127.0.0.1"
    with run_raw_server(answer_and_close, make_server_context(issuer, name)) as server:
        async with open_rest_client(server.url, waldur_ca_file=str(authority[1])) as client:
            outcome = await client.send_request(REQUESTER, ACTION)
        assert server.exchanges == []
    assert isinstance(outcome.problem, Unavailable)
    assert not outcome.problem.retryable
    assert not outcome.may_be_done
    assert "certificate is not trusted" in outcome.problem.message


async def test_server_without_tls_gets_no_request() -> None:
    with run_raw_server(answer_and_close) as server:
        url = server.url.replace("http://", "https://")
        async with open_rest_client(url, waldur_connect_seconds="1") as client:
            outcome = await client.send_request(REQUESTER, ACTION)
        assert server.exchanges == []
    assert isinstance(outcome.problem, Unavailable)
    assert not outcome.may_be_done


@contextmanager
def run_http2_server(authority: trustme.CA, folder: Path) -> Iterator[RestServer]:
    """Yield a server that offers HTTP/2 by ALPN."""
    server = RestServer()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    config = Config.from_mapping(
        bind=["127.0.0.1:0"], certfile=folder / "server.pem", keyfile=folder / "server.pem"
    )
    sockets = config.create_sockets()
    sockets.secure_sockets[0].listen()  # connections wait until the thread serves
    config.create_sockets = lambda: sockets  # type: ignore[method-assign]
    server.url = f"https://127.0.0.1:{sockets.secure_sockets[0].getsockname()[1]}"
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve_until_stop() -> None:
        await serve(server, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]

    thread = threading.Thread(target=loop.run_until_complete, args=(serve_until_stop(),))
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def test_http2_is_used_where_it_is_offered(
    authority: tuple[trustme.CA, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    with run_http2_server(authority[0], tmp_path) as server:
        async with open_rest_client(server.url, waldur_ca_file=str(authority[1])) as client:
            outcomes = await asyncio.gather(
                *[client.send_request(REQUESTER, ACTION) for _ in range(5)]
            )
    assert [each.problem for each in outcomes] == [None] * 5
    assert [each.http_version for each in server.requests] == ["2"] * 5
    assert SECRET_KEY not in caplog.text

"""WebSocket connections: early frames, floods of pings and fragments, freed objects."""

import asyncio
import gc
import json
import logging
import os

import pytest
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from gateway.schema.framework.event_cursors import encode_event_cursor
from gateway.subscriptions.fanout_group import FanoutGroup
from gateway.subscriptions.subscriber import Subscriber
from gateway.transports.outgoing_buffer import MAX_QUEUED_BYTES, OutgoingBuffer
from gateway.transports.websocket import WebSocketConnection
from gateway.transports.websocket_internals import MAX_FRAGMENTS, BatchedFrameProtocol
from gateway.transports.websocket_operation import WebSocketOperation
from tests.support.live_objects import disable_collector
from tests.support.raw_http import WEBSOCKET_HANDSHAKE, RawConnection, connect_raw
from tests.support.time_limits import time_limit, wait_until
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    VIEWER_QUERY,
    ServedGateway,
    WebSocketClient,
    open_websocket,
    serve_gateway,
    wait_for_subscribers,
)

FREED_CLASSES = (
    BatchedFrameProtocol,
    FanoutGroup,
    OutgoingBuffer,
    ServerProtocol,
    Subscriber,
    WebSocketConnection,
    WebSocketOperation,
)
RESUMED_SUBSCRIPTION = (
    'subscription { resourceChanged(after: "%s") { ... on ResyncRequired { reason } } }'
)
PING_BYTES, PING_COUNT = 125, 40_000
MAX_BUFFERED_BYTES = 800_000
"""Above the read size of the loop (256 KB), whose pings are answered before reading pauses."""


def encode_frame(opcode: Opcode, data: bytes, *, is_final: bool = True) -> bytes:
    """Return a masked frame."""
    return Frame(opcode, data, is_final).serialize(mask=True)


async def open_raw_websocket(connection: RawConnection, *early_frames: bytes) -> None:
    """Shake hands; frames may follow in the same packet."""
    connection.send(WEBSOCKET_HANDSHAKE, *early_frames)
    assert (await connection.read_response()).status == 101


async def test_frames_behind_the_handshake_are_answered_after_it(gateway: ServedGateway) -> None:
    async with connect_raw(gateway.port) as connection:
        await open_raw_websocket(connection, encode_frame(Opcode.PING, b"early"))
        async with time_limit(10, "the pong"):
            assert await connection.reader.readexactly(7) == b"\x8a\x05early"


async def test_handshake_may_have_an_absolute_target(gateway: ServedGateway) -> None:
    async with connect_raw(gateway.port) as connection:
        connection.send(WEBSOCKET_HANDSHAKE.replace(b"/graphql", b"http://x/graphql?a=b#c"))
        assert (await connection.read_response()).status == 101


async def test_long_header_line_of_a_handshake_is_refused(gateway: ServedGateway) -> None:
    long_line = b"Name: " + b"a" * 20_000 + b"\r\n\r\n"
    async with connect_raw(gateway.port) as connection:
        connection.send(WEBSOCKET_HANDSHAKE[:-2] + long_line)
        assert (await connection.read_response()).status == 431
        await connection.read_end()


async def test_pings_whose_answers_are_not_read_are_bounded(url: str) -> None:
    async with serve_gateway(url, write_seconds="1") as gateway:
        registry = gateway.services.connection_registry
        async with connect_raw(gateway.port, receive_buffer=4096) as connection:
            await open_raw_websocket(connection)
            connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
            connection.send(encode_frame(Opcode.PING, os.urandom(PING_BYTES)) * PING_COUNT)
            largest_buffer = 0
            async with time_limit(30, "the end of the connection"):
                while registry.connections:
                    sizes = [
                        each.transport.get_write_buffer_size() for each in registry.connections
                    ]
                    largest_buffer = max(largest_buffer, *sizes)
                    await asyncio.sleep(0.01)
    assert largest_buffer < MAX_BUFFERED_BYTES


async def test_reading_goes_on_after_pings_are_answered(gateway: ServedGateway) -> None:
    async with connect_raw(gateway.port, receive_buffer=4096) as connection:
        await open_raw_websocket(connection)
        pings = encode_frame(Opcode.PING, b"x" * PING_BYTES) * PING_COUNT
        connection.send(pings, encode_frame(Opcode.PING, b"last"))
        async with time_limit(30, "the pongs"):
            for _ in range(PING_COUNT):
                await connection.reader.readexactly(2 + PING_BYTES)
            assert await connection.reader.readexactly(6) == b"\x8a\x04last"


async def test_fragments_of_a_message_are_bounded(gateway: ServedGateway) -> None:
    async with connect_raw(gateway.port) as connection:
        await open_raw_websocket(connection)
        connection.send(
            encode_frame(Opcode.TEXT, b"", is_final=False),
            encode_frame(Opcode.CONT, b"", is_final=False) * MAX_FRAGMENTS,
        )
        async with time_limit(10, "the close frame"):
            header, length = await connection.reader.readexactly(2)
            payload = await connection.reader.readexactly(length)
        assert (header, payload) == (0x88, b"\x03\xf1A message may have at most 1000 frames.")


async def read_close_frame(connection: RawConnection) -> bytes:
    """Return the payload of the close frame that comes next."""
    async with time_limit(10, "the close frame"):
        header, length = await connection.reader.readexactly(2)
        assert header == 0x88
        return await connection.reader.readexactly(length)


def find_websockets() -> list[WebSocketConnection]:
    """Return the WebSockets of this process."""
    return [each for each in gc.get_objects() if type(each) is WebSocketConnection]


async def test_unread_answers_to_large_messages_are_bounded(gateway: ServedGateway) -> None:
    text = json.dumps({"type": "ping", "payload": {"text": "p" * 900_000}}).encode()
    await wait_until(lambda: not find_websockets())
    async with connect_raw(gateway.port, receive_buffer=4096) as connection:
        await open_raw_websocket(connection)
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await wait_until(lambda: bool(find_websockets()))
        (socket,) = find_websockets()
        connection.send(encode_frame(Opcode.TEXT, text) * 20)
        (protocol,) = gateway.services.connection_registry.connections
        await wait_until(protocol.is_write_stalled)
        largest_length = 0
        for _ in range(100):
            largest_length = max(largest_length, sum(map(len, socket.outgoing._answers)))
            await asyncio.sleep(0.01)
    assert largest_length < MAX_QUEUED_BYTES + len(text)


@pytest.mark.parametrize("is_fragment", [False, True])
async def test_messages_that_are_received_are_bounded_together(
    url: str, *, is_fragment: bool
) -> None:
    frame = encode_frame(Opcode.TEXT, b"x" * 12_000_000, is_final=not is_fragment)
    part = frame if is_fragment else frame[:-10]
    async with serve_gateway(url, received_bytes="20000000", body_bytes="15000000") as gateway:
        registry = gateway.services.connection_registry
        async with connect_raw(gateway.port) as first, connect_raw(gateway.port) as second:
            for connection in (first, second):
                await open_raw_websocket(connection)
                connection.send(part)
                if connection is first:
                    await wait_until(lambda: registry.received_bytes >= 12_000_000 - 10)
            payload = await read_close_frame(second)
            assert payload == b"\x03\xf5This server receives at most 20000000 bytes at a time."
            await second.read_end()
            assert len(registry.connections) == 1
        await wait_until(lambda: not registry.connections)
        assert registry.received_bytes == 0


async def test_received_messages_are_counted_until_they_are_handled(
    gateway: ServedGateway,
) -> None:
    registry = gateway.services.connection_registry
    frame = encode_frame(Opcode.TEXT, b'{"type":"ping","payload":{"a":"' + b"a" * 500_000 + b'"}}')
    async with connect_raw(gateway.port) as connection:
        await open_raw_websocket(connection)
        for _ in range(3):
            connection.send(frame[:-1])
            await wait_until(lambda: registry.received_bytes > 400_000)
            connection.send(frame[-1:])
            await wait_until(lambda: not registry.received_bytes)


async def test_early_frames_of_a_lost_connection_are_dropped(gateway: ServedGateway) -> None:
    async with connect_raw(gateway.port) as connection:
        await open_raw_websocket(connection)
        (protocol,) = gateway.services.connection_registry.connections
    await wait_until(lambda: not gateway.services.connection_registry.connections)
    assert isinstance(protocol, BatchedFrameProtocol)
    protocol.data_received(encode_frame(Opcode.PING, b"early"))


async def test_clients_of_websockets_fill_no_log(
    gateway: ServedGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "uvicorn.error")
    async with connect_raw(gateway.port) as connection:
        await open_raw_websocket(connection, encode_frame(Opcode.TEXT, b"\xff"))
        assert await read_close_frame(connection) == b"\x03\xefA text must be UTF-8."
        assert await connection.read_end() == b""
    async with connect_raw(gateway.port) as connection:
        connection.send(WEBSOCKET_HANDSHAKE.replace(b"/graphql", b"/other"))
        assert (await connection.read_response()).status == 403
    async with connect_raw(gateway.port) as connection:
        connection.send(WEBSOCKET_HANDSHAKE.replace(b"Version: 13", b"Version: 8"))
        assert (await connection.read_response()).status == 400
    assert [each.getMessage() for each in caplog.records] == []


async def use_websocket(gateway: ServedGateway, websocket: WebSocketClient, number: int) -> None:
    """Use a WebSocket in one of six ways."""
    await websocket.init_connection(**gateway.create_auth_header())
    match number % 6:
        case 0:
            await websocket.execute_query(VIEWER_QUERY)
        case 1:
            await websocket.expect_error_code("{ unknown }")
        case 2:
            await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
            await wait_for_subscribers(gateway)
        case 3:
            await websocket.start_operation(VIEWER_QUERY)
        case 4:
            cursor = encode_event_cursor("elsewhere", (1, 1))
            await websocket.start_operation(RESUMED_SUBSCRIPTION % cursor)
            assert (await websocket.receive_event())["reason"] == "CURSOR_UNKNOWN"


async def test_closed_websockets_are_freed_without_the_collector(gateway: ServedGateway) -> None:
    with disable_collector(*FREED_CLASSES) as are_freed:
        for number in range(200):
            async with open_websocket(gateway) as websocket:
                await use_websocket(gateway, websocket, number)
                if number % 5 == 0:
                    websocket.connection.transport.abort()
            await wait_for_subscribers(gateway, 0)
        await wait_until(are_freed)

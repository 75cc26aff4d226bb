"""WebSocket connections: early frames, floods of pings and fragments, freed objects."""

import asyncio
import os

from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from gateway.subscriptions.fanout_group import FanoutGroup
from gateway.subscriptions.registry import ActiveSubscription
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
    ActiveSubscription,
    BatchedFrameProtocol,
    FanoutGroup,
    ServerProtocol,
    WebSocketConnection,
    WebSocketOperation,
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


async def use_websocket(gateway: ServedGateway, websocket: WebSocketClient, number: int) -> None:
    """Use a WebSocket in one of five ways."""
    await websocket.init_connection(**gateway.create_auth_header())
    match number % 5:
        case 0:
            await websocket.execute_query(VIEWER_QUERY)
        case 1:
            await websocket.expect_error_code("{ unknown }")
        case 2:
            await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
            await wait_for_subscribers(gateway)
        case 3:
            await websocket.start_operation(VIEWER_QUERY)
    if number % 3 == 0:
        websocket.connection.transport.abort()


async def test_closed_websockets_are_freed_without_the_collector(gateway: ServedGateway) -> None:
    with disable_collector(*FREED_CLASSES) as are_freed:
        for number in range(200):
            async with open_websocket(gateway) as websocket:
                await use_websocket(gateway, websocket, number)
            await wait_for_subscribers(gateway, 0)
        await wait_until(are_freed)

"""Probe of a half-closed connection: whether its client is still there."""

import asyncio
from collections.abc import Callable
from typing import Any

_STATUS_LINE_START = b"HTTP/1.1 "
"""The bytes that every response begins with."""
_PROBE_DELAYS = (0.25, 0.1, 0.65, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each byte; short at first, as a client that is gone is noticed by the second."""


class HalfCloseProbe:
    """Writes the first bytes of the response to a client that has shut down its side.

    A client may do that after its request and wait for the response; a client that is gone
    looks the same. The system of the latter answers data with a reset, so that the next write
    fails and the connection is lost. As every response begins with the same bytes, they can be
    written before it is known; `PrefixedTransport` leaves them out of the response.
    """

    def __init__(self, transport: asyncio.Transport, use_transport: Callable[[Any], bool]) -> None:
        """Probe the client of `transport`; needs a running event loop.

        Before each byte `use_transport` is called with the transport that must be used for the
        response from then on; it returns False if the response has begun.
        """
        self._transport, self._use_transport = transport, use_transport
        self._schedule_byte(0)

    def _schedule_byte(self, index: int) -> None:
        if index < len(_PROBE_DELAYS):
            loop = asyncio.get_running_loop()
            loop.call_later(_PROBE_DELAYS[index], self._write_byte, index)

    def _write_byte(self, index: int) -> None:
        if self._transport.is_closing():
            return
        if self._use_transport(PrefixedTransport(self._transport, index + 1)):
            self._transport.write(_STATUS_LINE_START[index : index + 1])
            self._schedule_byte(index + 1)


class PrefixedTransport:
    """A transport on which the first bytes of the next write are written already."""

    def __init__(self, transport: asyncio.Transport, written_length: int) -> None:
        self._transport, self._written_length = transport, written_length

    def write(self, data: bytes) -> None:
        """Write what is not yet written."""
        self._transport.write(data[self._written_length :])
        self._written_length = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

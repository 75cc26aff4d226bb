"""Batched WebSocket frames: many text messages in one write to the socket.

ASGI has one message for each text, each of which uvicorn writes by itself. Frames of a
server are not masked (RFC 6455 §5.1), so a text is its header and its bytes, and frames of
many texts can be joined. `BatchedFrameProtocol` (in `websocket_internals.py`) offers three
functions in the scope's ASGI extensions: `write` (see `WriteTexts`), `drained` (waits until
the socket's write buffer has space), and `abort` (drops the connection).
"""

from collections.abc import Callable, Sequence

FRAME_WRITER_EXTENSION = "gateway.transports.frame_writer"
"""Key of the protocol's functions in the scope's ASGI extensions."""
WriteTexts = Callable[[Sequence[bytes]], bool]
"""Writes texts as frames; returns whether the write buffer has space for more."""
_TEXT_OPCODE, _MAX_7_BIT_LENGTH, _MAX_16_BIT_LENGTH = b"\x81", 126, 65_536


def encode_frames(texts: Sequence[bytes]) -> bytes:
    """Encode texts as frames, one after the other."""
    return b"".join([part for each in texts for part in (_encode_frame_header(each), each)])


def _encode_frame_header(text: bytes) -> bytes:
    """Return the header of an unmasked frame with a whole text message (RFC 6455 §5.2)."""
    length = len(text)
    if length < _MAX_7_BIT_LENGTH:
        return _TEXT_OPCODE + bytes((length,))
    if length < _MAX_16_BIT_LENGTH:
        return _TEXT_OPCODE + b"\x7e" + length.to_bytes(2)
    return _TEXT_OPCODE + b"\x7f" + length.to_bytes(8)

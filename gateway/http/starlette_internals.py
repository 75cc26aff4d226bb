"""The parts of Starlette that are not documented, all used here: response attributes, form parser.

A new version of Starlette may change them, so pyproject.toml has an upper bound, and
tests/test_library_internals.py names what is gone.
"""

import asyncio
from collections.abc import AsyncGenerator

from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import Response

PARSED_BYTES = 131_072
"""Length of what is parsed at once; others have their turn before the next part."""


class MalformedFormError(Exception):
    """A multipart body is malformed or exceeds a limit."""


class EncodedResponse(Response):
    """Response whose headers and body are encoded already; Starlette's own encoding is skipped."""

    body: bytes

    def __init__(self, status: int, raw_headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Set what `Response.__call__` sends; `raw_headers` must have the content length."""
        self.status_code, self.raw_headers, self.body = status, raw_headers, body
        self.background = None


async def parse_form(body: bytes, content_type: str, max_part_bytes: int) -> FormData:
    """Parse a multipart body with at most one file and two fields.

    Raises MalformedFormError if it is malformed or exceeds a limit.
    """

    async def stream_body() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(body), PARSED_BYTES):
            yield body[start : start + PARSED_BYTES]
            await asyncio.sleep(0)

    headers = Headers({"content-type": content_type})
    parser = MultiPartParser(
        headers, stream_body(), max_files=1, max_fields=2, max_part_size=max_part_bytes
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise MalformedFormError(error.message) from None

"""Cursors: positions in the order of events, as clients hold them."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from gateway.db.events.feed import EventPosition
from gateway.schema.framework.errors import BadInputError

MAX_CURSOR_LENGTH = 200
_CURSOR_PATTERN = re.compile(r"([\w-]+):(\d{1,20}):(\d{1,19})", re.ASCII)


def encode_event_cursor(source: str, position: EventPosition) -> str:
    """Give the cursor of a position among the events of a source."""
    xid, id_ = position
    return urlsafe_b64encode(f"{source}:{xid}:{id_}".encode()).decode().rstrip("=")


def decode_event_cursor(cursor: str) -> tuple[str, EventPosition]:
    """Give the source and the position of a cursor; BadInputError if it is none."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        decoded_text = (
            urlsafe_b64decode(padded.encode()).decode() if len(cursor) < MAX_CURSOR_LENGTH else ""
        )
    except ValueError:
        decoded_text = ""
    match = _CURSOR_PATTERN.fullmatch(decoded_text)
    if match is None:
        raise BadInputError("This is no cursor of an event.", "after")
    return match[1], (int(match[2]), int(match[3]))

"""Event cursors: opaque texts for positions in the event feed."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from gateway.db.events.feed import EventPosition
from gateway.schema.framework.errors import BadInputError

MAX_CURSOR_LENGTH = 200
_CURSOR_PATTERN = re.compile(r"([\w-]+):(\d{1,20}):(\d{1,19})", re.ASCII)


def encode_event_cursor(source: str, position: EventPosition) -> str:
    """Return the cursor of a position in the feed of `source` (`triggers`, `poll`)."""
    xid, id_ = position
    return urlsafe_b64encode(f"{source}:{xid}:{id_}".encode()).decode().rstrip("=")


def decode_event_cursor(cursor: str) -> tuple[str, EventPosition]:
    """Return the source and the position of a cursor.

    Raises BadInputError if the text is not a cursor of an event.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        decoded_text = (
            urlsafe_b64decode(padded.encode()).decode() if len(cursor) < MAX_CURSOR_LENGTH else ""
        )
    except ValueError:
        decoded_text = ""
    match = _CURSOR_PATTERN.fullmatch(decoded_text)
    if match is None:
        raise BadInputError(f"Invalid event cursor: {cursor[:50]!r}.", "after")
    return match[1], (int(match[2]), int(match[3]))

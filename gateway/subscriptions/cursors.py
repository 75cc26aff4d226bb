"""Cursors: positions in the order of events, as clients hold them."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from gateway.db.events.feed import Position
from gateway.schema.framework.errors import BadInputError

LONGEST = 200
_WRITTEN = re.compile(r"([\w-]+):(\d{1,20}):(\d{1,19})", re.ASCII)


def encode(source: str, position: Position) -> str:
    """Give the cursor of a position among the events of a source."""
    xid, id_ = position
    return urlsafe_b64encode(f"{source}:{xid}:{id_}".encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[str, Position]:
    """Give the source and the position of a cursor; BadInputError if it is none."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        written = urlsafe_b64decode(padded.encode()).decode() if len(cursor) < LONGEST else ""
    except ValueError:
        written = ""
    found = _WRITTEN.fullmatch(written)
    if found is None:
        raise BadInputError("This is no cursor of an event.", "after")
    return found[1], (int(found[2]), int(found[3]))

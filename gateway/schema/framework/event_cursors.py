"""Event cursors: opaque texts for positions in the event feed, and the fields that hold them."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from graphql import GraphQLError

from gateway.db.events.feed import EventPosition, FeedPoint
from gateway.error_table import ErrorKind
from gateway.schema.framework.context import ContextFact
from gateway.schema.framework.errors import BadInputError
from gateway.schema.framework.root_computed import RequestComputedField

MAX_CURSOR_LENGTH = 200
_CURSOR_PATTERN = re.compile(r"([\w-]+):(\d{1,20}):(\d{1,19})", re.ASCII)


class EventsUnavailableError(GraphQLError):
    """The gateway does not read the event feed yet, or can't."""

    error_kind = ErrorKind.EVENTS_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(
            "The events of this gateway are not available. Try again later.",
            extensions={"code": self.error_kind.value.code},
        )


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


def _encode_feed_point(feed_point: FeedPoint | None) -> str | None:
    """Return the cursor of a point of the feed; None if events are disabled."""
    if feed_point is None:
        return None
    source, position = feed_point
    if position is None:
        raise EventsUnavailableError
    return encode_event_cursor(source, position)


EVENTS_CURSOR_FIELD = RequestComputedField(_encode_feed_point, (ContextFact.FEED_POINT,))
"""Declaration of the fields that hold the feed's position at the start of the request.

The position is older than all reads of the request: a change that they do not show is in
the events after it.
"""

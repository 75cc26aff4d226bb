"""Content negotiation: the formats of a response that an `Accept` header allows.

The rules are those of RFC 9110 §12.5.1: the most specific range that matches a format
decides its quality, and quality 0 excludes it. Headers of old clients are tolerated: a
malformed element is skipped, and `*` alone is read as `*/*`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from gateway.error_table import ErrorKind
from gateway.http.media_types import MediaType, parse_media_type, split_list

GRAPHQL_RESPONSE_MEDIA_TYPE = "application/graphql-response+json"
JSON_MEDIA_TYPE = "application/json"
SUBSCRIPTION_SPEC_VERSION = "1.0"
"""Version of Apollo's multipart protocol, in the parameter `subscriptionSpec`."""
MAX_ACCEPT_CHARS, MAX_ACCEPT_ELEMENTS = 1000, 50
"""The maximum length of the `Accept` header, with all its lines: those of clients are shorter."""
MAX_CACHED_HEADERS = 256
_QUALITY_PATTERN = re.compile(r"0?\.\d+|[01](?:\.\d*)?")
_LONE_ASTERISK_PATTERN = re.compile(r"^\*(?=[ \t]*(?:;|$))")


class NotAcceptableError(Exception):
    """The client accepts no format that the gateway can produce."""

    error_kind = ErrorKind.NOT_ACCEPTABLE


class StreamProtocol(Enum):
    """Protocols of subscriptions over HTTP."""

    SERVER_SENT_EVENTS = auto()
    MULTIPART = auto()


@dataclass(frozen=True)
class AcceptedFormats:
    """The formats that a client accepts, the best of each kind."""

    result_media_type: str | None
    """Media type of a single result as JSON; None if the client accepts no JSON."""
    stream_protocol: StreamProtocol | None
    """Protocol of a stream; None if the client names none."""
    accepts_html: bool
    """Whether the client names HTML."""
    prefers_html: bool
    """Whether the client names HTML, and prefers no JSON to it."""


@dataclass(frozen=True, order=True)
class _Preference:
    """The preference of a client for a media type, by the range that matches it."""

    specificity: int = 0
    """3 for the media type with parameters, 2 without, 1 for `type/*`, 0 for `*/*`."""
    quality: float = 0.0

    @property
    def is_named(self) -> bool:
        """Whether the range has no wildcard."""
        return self.specificity > 1


def negotiate_formats(header_lines: Sequence[str]) -> AcceptedFormats:
    """Return the formats of a GraphQL result; `header_lines` are the values of `Accept`.

    Without the header the client accepts all. Raises NotAcceptableError if the client
    accepts neither JSON nor a stream, or if the header is too long.
    """
    formats = parse_accepted_formats(header_lines)
    if formats.result_media_type is None and formats.stream_protocol is None:
        raise NotAcceptableError(
            f"The header `Accept` must allow `{GRAPHQL_RESPONSE_MEDIA_TYPE}` or `{JSON_MEDIA_TYPE}`"
            " or, for subscriptions, `text/event-stream` or"
            f" `multipart/mixed;subscriptionSpec={SUBSCRIPTION_SPEC_VERSION}`."
        )
    return formats


def parse_accepted_formats(header_lines: Sequence[str]) -> AcceptedFormats:
    """Return the formats that `Accept` allows, possibly none.

    Raises NotAcceptableError if the header is too long.
    """
    accept_header = header_lines[0] if len(header_lines) == 1 else ",".join(header_lines)
    if len(accept_header) > MAX_ACCEPT_CHARS:
        raise _make_size_error(MAX_ACCEPT_CHARS, "characters", len(accept_header))
    return _parse_header(accept_header)


def _make_size_error(limit: int, unit: str, value: int) -> NotAcceptableError:
    return NotAcceptableError(f"The header `Accept` must have at most {limit} {unit}, got {value}.")


@lru_cache(MAX_CACHED_HEADERS)
def _parse_header(accept_header: str) -> AcceptedFormats:
    elements = split_list(accept_header) or ["*/*"]
    if len(elements) > MAX_ACCEPT_ELEMENTS:
        raise _make_size_error(MAX_ACCEPT_ELEMENTS, "elements", len(elements))
    ranges = [each for each in map(_parse_range, elements) if each]
    graphql_response = _find_preference(ranges, GRAPHQL_RESPONSE_MEDIA_TYPE)
    json = _find_preference(ranges, JSON_MEDIA_TYPE)
    html = _find_preference(ranges, "text/html")
    # Of two with equal quality, the one that is named is chosen; JSON if none is named.
    uses_graphql_response = (graphql_response.quality, graphql_response.is_named) > (
        json.quality,
        False,
    )
    result_quality = max(graphql_response.quality, json.quality)
    accepts_html = html.is_named and html.quality > 0
    media_type = GRAPHQL_RESPONSE_MEDIA_TYPE if uses_graphql_response else JSON_MEDIA_TYPE
    return AcceptedFormats(
        result_media_type=media_type if result_quality > 0 else None,
        stream_protocol=_choose_stream_protocol(ranges),
        accepts_html=accepts_html,
        prefers_html=accepts_html and html.quality >= result_quality,
    )


def _parse_range(element: str) -> tuple[MediaType, float] | None:
    """Return a range of media types and its quality; None if the element is malformed."""
    media_range = parse_media_type(_LONE_ASTERISK_PATTERN.sub("*/*", element))
    quality_text = "1" if media_range is None else media_range.parameters.pop("q", "1")
    if media_range is None or not _QUALITY_PATTERN.fullmatch(quality_text):
        return None
    return (media_range, float(quality_text)) if float(quality_text) <= 1 else None


def _find_preference(ranges: Sequence[tuple[MediaType, float]], name: str) -> _Preference:
    """Return the preference for a media type, whose text is UTF-8."""
    matching_names = (name, f"{name.partition('/')[0]}/*", "*/*")
    return max(
        (
            _Preference(_rank_specificity(media_range), quality)
            for media_range, quality in ranges
            if media_range.name in matching_names and media_range.is_utf_8
        ),
        default=_Preference(),
    )


def _rank_specificity(media_range: MediaType) -> int:
    if media_range.name.endswith("/*"):
        return 0 if media_range.name == "*/*" else 1
    return 3 if media_range.parameters else 2


def _choose_stream_protocol(ranges: Sequence[tuple[MediaType, float]]) -> StreamProtocol | None:
    """Return the protocol of the stream that a client prefers; `*/*` names none.

    Only clients that know the protocol can read a stream of `multipart/mixed`, and they
    name its version.
    """
    events = _find_preference(ranges, "text/event-stream")
    events_quality = events.quality if events.specificity > 0 else 0.0
    multipart_quality = max(
        (
            quality
            for media_range, quality in ranges
            if media_range.name == "multipart/mixed"
            and media_range.parameters.get("subscriptionspec") == SUBSCRIPTION_SPEC_VERSION
        ),
        default=0.0,
    )
    if max(events_quality, multipart_quality) == 0:
        return None
    is_multipart_preferred = multipart_quality > events_quality
    return StreamProtocol.MULTIPART if is_multipart_preferred else StreamProtocol.SERVER_SENT_EVENTS

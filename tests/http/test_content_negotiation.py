"""Content negotiation: the headers of real clients, and the rules of RFC 9110 §12.5.1."""
# ruff: noqa: E501 - a line for each case

import pytest

from gateway.error_table import get_error_rule
from gateway.http.content_negotiation import (
    GRAPHQL_RESPONSE_MEDIA_TYPE,
    JSON_MEDIA_TYPE,
    MAX_CACHED_HEADERS,
    NotAcceptableError,
    StreamProtocol,
    _parse_header,
    negotiate_formats,
    parse_accepted_formats,
)

GRAPHQL_RESPONSE, JSON = GRAPHQL_RESPONSE_MEDIA_TYPE, JSON_MEDIA_TYPE
EVENTS, MULTIPART = StreamProtocol.SERVER_SENT_EVENTS, StreamProtocol.MULTIPART
CHROMIUM_ACCEPT = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
    "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
)


@pytest.mark.parametrize(
    ("client", "accept", "media_type", "stream_protocol"),
    [
        ("none", None, JSON, None),
        ("curl, fetch, Python", "*/*", JSON, None),
        ("Chromium", CHROMIUM_ACCEPT, JSON, None),
        ("Java's HttpURLConnection", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", JSON, None),
        ("Spring", "application/json, application/*+json", JSON, None),
        ("GraphiQL", "application/json, multipart/mixed", JSON, None),
        ("Relay's example", "application/json", JSON, None),
        ("graphql-request", "application/graphql-response+json, application/json", GRAPHQL_RESPONSE, None),
        ("graffle", "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", GRAPHQL_RESPONSE, None),
        ("specification", "application/graphql-response+json, application/json;q=0.9", GRAPHQL_RESPONSE, None),
        ("Apollo query", "application/graphql-response+json,application/json;q=0.9", GRAPHQL_RESPONSE, None),
        ("Apollo subscription", "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9", GRAPHQL_RESPONSE, MULTIPART),
        ("Apollo @defer", "multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9", GRAPHQL_RESPONSE, None),
        ("Apollo Kotlin", "multipart/mixed;subscriptionSpec=1.0, application/graphql-response+json, application/json", GRAPHQL_RESPONSE, MULTIPART),
        ("Apollo Router", 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"', None, MULTIPART),
        ("urql", "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed", GRAPHQL_RESPONSE, EVENTS),
        ("graphql-sse", "text/event-stream", None, EVENTS),
        ("EventSource", "text/event-stream", None, EVENTS),
    ],
)  # fmt: skip
def test_headers_of_clients(
    client: str, accept: str | None, media_type: str | None, stream_protocol: StreamProtocol | None
) -> None:
    formats = negotiate_formats(() if accept is None else (accept,))
    assert (formats.result_media_type, formats.stream_protocol) == (media_type, stream_protocol)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON),
        (" , ", JSON),
        ("APPLICATION/GraphQL-Response+JSON", GRAPHQL_RESPONSE),
        ("application/*", JSON),
        ("application/json, */*", JSON),
        ("application/graphql-response+json, */*", GRAPHQL_RESPONSE),
        ("*/*, application/graphql-response+json;q=0.5", JSON),
        ("application/json, application/graphql-response+json;q=0.999", JSON),
        ("application/json;q=0.5, application/graphql-response+json;q=0.5", GRAPHQL_RESPONSE),
        ("application/json;q=0, application/*", GRAPHQL_RESPONSE),
        ("application/graphql-response+json;q=0, */*;q=0.1", JSON),
        ("application/*;q=0, */*, application/json;q=0.1", JSON),
        ("application/json;q=0, application/graphql-response+json;Q=1.000", GRAPHQL_RESPONSE),
        ("application/json;charset=utf-8", JSON),
        ('application/json;charset="UTF-8"', JSON),
        ("application/json;charset=utf-16, application/graphql-response+json;q=0.1", GRAPHQL_RESPONSE),
        ("application/json;charset=utf-8;q=0.1, application/json, application/graphql-response+json;q=0.5", GRAPHQL_RESPONSE),
        ("application/json;odata=verbose", JSON),
        ('text/plain;a=", application/graphql-response+json", application/json', JSON),
        ("nonsense, application/json", JSON),
        ("application/graphql-response+json;q=high, application/json", JSON),
        ("application/graphql-response+json;q=2, application/json", JSON),
        ("application/graphql-response+json;q=-1, application/json", JSON),
        ("application/graphql-response+json;q=nan, application/json", JSON),
    ],
)  # fmt: skip
def test_media_type_of_results(accept: str, media_type: str) -> None:
    assert negotiate_formats((accept,)).result_media_type == media_type


@pytest.mark.parametrize(
    ("accept", "stream_protocol"),
    [
        ("text/*, application/json", EVENTS),
        ("Text/Event-Stream;q=1", EVENTS),
        ("text/event-stream, multipart/mixed;subscriptionSpec=1.0", EVENTS),
        ("text/event-stream;q=0.9, multipart/mixed;subscriptionSpec=1.0", MULTIPART),
        ("Multipart/Mixed;SubscriptionSpec=1.0", MULTIPART),
        ("text/event-stream;q=0, */*", None),
        ("text/event-stream;q=0, multipart/mixed;subscriptionSpec=1.0", MULTIPART),
        ("multipart/mixed;subscriptionSpec=1.0;q=0, */*", None),
        ("multipart/mixed;subscriptionSpec=2.0, */*", None),
        ("multipart/mixed, application/json", None),
        ('application/json;a="text/event-stream"', None),
        ("application/json, text/event-streams", None),
    ],
)
def test_stream_protocol(accept: str, stream_protocol: StreamProtocol | None) -> None:
    assert negotiate_formats((accept,)).stream_protocol is stream_protocol


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "text/plain",
        "image/*",
        "application/xml",
        "application/json;q=0",
        "application/json;charset=utf-16",
        "*/*;q=0",
        "application/jsonx",
        "multipart/mixed",
        "nonsense",
        "application/json;q=high",
    ],
)
def test_other_headers_are_not_acceptable(accept: str) -> None:
    with pytest.raises(NotAcceptableError, match=r"must allow `application/graphql-resp") as caught:
        negotiate_formats((accept,))
    assert get_error_rule(caught.value).status == 406


def test_header_lines_are_one_list() -> None:
    assert negotiate_formats(("text/html", JSON)).result_media_type == JSON
    formats = negotiate_formats((JSON, "text/event-stream", GRAPHQL_RESPONSE))
    assert (formats.result_media_type, formats.stream_protocol) == (GRAPHQL_RESPONSE, EVENTS)


@pytest.mark.parametrize(
    ("accept", "accepts_html", "prefers_html"),
    [
        (CHROMIUM_ACCEPT, True, True),
        ("text/html", True, True),
        ("application/json, text/html;q=0.5", True, False),
        ("text/html;q=0", False, False),
        ("*/*", False, False),
        ("text/*", False, False),
        ("text/htmlx", False, False),
    ],
)
def test_html_must_be_named(accept: str, accepts_html: bool, prefers_html: bool) -> None:
    formats = parse_accepted_formats((accept,))
    assert (formats.accepts_html, formats.prefers_html) == (accepts_html, prefers_html)


def test_cache_is_bounded_by_number_and_length() -> None:
    for number in range(MAX_CACHED_HEADERS + 10):
        negotiate_formats((f"{JSON};n={number}",))
    assert _parse_header.cache_info().currsize == MAX_CACHED_HEADERS
    with pytest.raises(NotAcceptableError, match="at most 1000 characters, got 1017"):
        negotiate_formats((JSON, "a/b," * 250))
    with pytest.raises(NotAcceptableError, match="at most 50 elements, got 100"):
        negotiate_formats(("*," * 100,))

"""The client of Waldur's REST API: it sends requests on behalf of requesters."""

import asyncio
import logging
import ssl
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit

import httpcore

from gateway.config.settings import Settings
from gateway.config.web_origin import encode_origin_host
from gateway.exact_json import decode_json
from gateway.marketplace.problems import Conflict, InvalidInput, Unavailable
from gateway.marketplace.requester import Requester
from gateway.rest_api.answer_problems import build_uncertain_outcome, judge_answer
from gateway.rest_api.circuit_breaker import CircuitBreaker
from gateway.rest_api.missing_routes import MissingRoutes
from gateway.rest_api.rest_answer import RestAnswer
from gateway.rest_api.rest_connection import (
    AnswerTooLargeError,
    ConnectionsBusyError,
    RawAnswer,
    RestConnectionPool,
)
from gateway.rest_api.rest_form import JSON_MEDIA_TYPE, EncodedBody
from gateway.rest_api.rest_outcome import RestOutcome
from gateway.rest_api.rest_request import RestRequest
from gateway.rest_api.tls_context import create_tls_context

log = logging.getLogger(__name__)
logging.getLogger("hpack").setLevel(logging.INFO)  # at DEBUG it logs the values of headers
DOWN_STATUSES = frozenset({502, 503, 504})
"""Statuses by which a proxy tells that Waldur is down."""
_CONNECTION_ERRORS = (
    httpcore.ConnectionNotAvailable,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    OSError,
)
"""Errors of an exchange; errors of TLS are OSError, and so is the end of its time."""
MAX_REFUSAL_BYTES = 100_000
"""Size of an answer with a status of an error beyond which its texts are not read."""
DEADLINE_SHARE = 0.8
"""Share of a request's time that Waldur may take; the rest is for checks and the result."""

_IDENTITY_REQUEST = RestRequest(
    method="GET", path="/api/users/me/?field=uuid", route="users/me", is_repeatable=True
)


class RestClient:
    """Client with a connection pool, for one event loop."""

    def __init__(self, settings: Settings) -> None:
        """Send requests to the REST API at `settings.waldur_url`."""
        assert settings.waldur_url is not None
        self.api_url = settings.waldur_url
        self._impersonation_header = settings.impersonation_header
        self._connect_seconds = settings.waldur_connect_seconds
        self.answer_seconds = min(
            settings.waldur_answer_seconds, settings.request_seconds * DEADLINE_SHARE
        )
        """The time-out of an answer."""
        self.exchange_seconds = self._connect_seconds + self.answer_seconds
        """Time after which a request has been answered or has failed, the wait for a free
        connection included.
        """
        ascii_url = encode_origin_host(self.api_url)
        self._base_url = httpcore.URL(ascii_url)
        self._host = urlsplit(ascii_url).netloc.encode()
        timeouts = {"connect": self._connect_seconds, "write": self.answer_seconds}
        self._extensions = {"timeout": timeouts}  # the time of the answer is limited as a whole
        self._connection_pool = RestConnectionPool(
            self._base_url.origin,
            create_tls_context(settings.waldur_ca_file),
            max_connections=settings.waldur_connections,
            wait_seconds=self._connect_seconds,
        )
        self._circuit_breaker = CircuitBreaker(f"Waldur's REST API at {self.api_url}")
        self._missing_routes = MissingRoutes()

    async def close(self) -> None:
        """Close the connections."""
        await self._connection_pool.close()

    async def send_request(self, requester: Requester, request: RestRequest) -> RestOutcome:
        """Send a request with the requester's credentials, once, and return what came of it.

        The fallback is sent instead if Waldur lacks the route. Raises TokenRejectedError.
        """
        refusal = await self._check_impersonation(requester)
        return refusal or await self._send_or_fall_back(requester, request)

    async def _check_impersonation(self, requester: Requester) -> RestOutcome | None:
        """Return why a request is not sent as the impersonated user; None if it may be sent.

        Waldur ignores the header if it has another name in its settings, or if the user has just
        been deleted, and would carry the request out for its sender. So it is asked first.
        """
        impersonated_uuid = requester.credentials.impersonated_uuid
        if impersonated_uuid is None:
            return None
        outcome = await self._send_once(requester, _IDENTITY_REQUEST)
        if outcome.may_be_done:
            return _build_unsent("Waldur failed before anything was changed: try again later.")
        if outcome.problem is not None:
            return RestOutcome(problem=outcome.problem)
        uuid = None if outcome.answer is None else outcome.answer.get_uuid("uuid")
        if uuid == impersonated_uuid:
            return None
        log.error("Waldur ignores %s of a request of staff.", self._impersonation_header)
        message = f"Waldur ignores {self._impersonation_header}, so nothing was changed."
        return _build_unsent(message, retryable=False)

    async def _send_or_fall_back(self, requester: Requester, request: RestRequest) -> RestOutcome:
        fallback = request.fallback
        if fallback is None:
            return await self._send_once(requester, request)
        if not self._missing_routes.is_missing(request.route):
            outcome = await self._send_once(requester, request)
            if not outcome.is_route_missing:
                return outcome
            self._missing_routes.add_route(request.route)
        outcome = await self._send_or_fall_back(requester, fallback)
        return _add_note(outcome, request.fallback_note)

    async def _send_once(self, requester: Requester, request: RestRequest) -> RestOutcome:
        user_id = requester.viewer.user_id
        seconds = self._circuit_breaker.request_attempt(user_id)
        if seconds is not None:
            message = f"Waldur is not reachable at present: try again in {seconds} seconds."
            return _build_unsent(message)
        try:
            raw_answer = await self._exchange(self._build_http_request(requester, request))
        except ConnectionsBusyError:
            return _build_unsent("Too many operations wait for Waldur: try again later.")
        except (*_CONNECTION_ERRORS, AnswerTooLargeError) as error:
            return self._judge_failure(requester, request, error)
        if raw_answer.status in DOWN_STATUSES:
            self._circuit_breaker.note_failure(f"status {raw_answer.status}", user_id)
        else:
            self._circuit_breaker.note_success()
        return judge_answer(request, _parse_answer(raw_answer))

    async def _exchange(self, http_request: httpcore.Request) -> RawAnswer:
        try:
            return await self._exchange_once(http_request)
        except httpcore.ConnectionNotAvailable:
            # By HTTP/2 the server has said that it closes the connection without this request.
            return await self._exchange_once(http_request)

    async def _exchange_once(self, http_request: httpcore.Request) -> RawAnswer:
        async with (
            self._connection_pool.acquire_connection() as connection,
            asyncio.timeout(self.answer_seconds),
        ):
            return await connection.send_request(http_request)

    def _build_http_request(self, requester: Requester, request: RestRequest) -> httpcore.Request:
        base_url, body = self._base_url, request.encode_body()
        url = httpcore.URL(
            scheme=base_url.scheme,
            host=base_url.host,
            port=base_url.port,
            target=base_url.target.rstrip(b"/") + request.path.encode("ascii"),
        )
        return httpcore.Request(
            request.method,
            url,
            headers=[(b"Host", self._host), *self._list_headers(requester, body)],
            content=b"" if body is None else body.content,
            extensions=self._extensions,
        )

    def _list_headers(
        self, requester: Requester, body: EncodedBody | None
    ) -> Iterator[tuple[bytes, bytes]]:
        credentials = requester.credentials
        yield b"Accept", JSON_MEDIA_TYPE.encode()
        yield b"Accept-Encoding", b"identity"
        yield b"Authorization", credentials.authorization.encode("latin-1")
        yield b"Content-Length", b"%d" % (0 if body is None else len(body.content))
        yield b"User-Agent", b"marketplace-gateway"
        if body is not None:
            yield b"Content-Type", body.media_type.encode()
        if requester.request_id:
            yield b"X-Request-ID", requester.request_id.encode()
        if credentials.impersonated_uuid is not None:
            yield self._impersonation_header.encode(), credentials.impersonated_uuid.encode()

    def _judge_failure(
        self, requester: Requester, request: RestRequest, error: Exception
    ) -> RestOutcome:
        """Return the outcome of a request without an answer; the log has the details."""
        cause, is_sent = self._describe_failure(error)
        if not isinstance(error, AnswerTooLargeError):
            user_id = requester.viewer.user_id if is_sent else None
            self._circuit_breaker.note_failure(cause, user_id)
        log.warning(
            "%s failed, request %s: %s (%s: %s)",
            request.route,
            requester.request_id or "of an event",
            cause,
            type(error).__name__,
            error,
        )
        if is_sent:
            return build_uncertain_outcome(request, cause)
        return _build_unsent(f"{cause} Nothing was changed.", retryable=not _is_untrusted(error))

    def _describe_failure(self, error: Exception) -> tuple[str, bool]:
        """Return the cause of a failure, and whether the request may have been received."""
        if isinstance(error, httpcore.ConnectTimeout):
            return f"Waldur can't be reached within {self._connect_seconds} seconds.", False
        if isinstance(error, httpcore.ConnectError):
            if _is_untrusted(error):
                return "Waldur's TLS certificate is not trusted (GATEWAY_WALDUR_CA_FILE).", False
            return "Waldur can't be reached.", False
        if isinstance(error, (TimeoutError, httpcore.TimeoutException)):
            return f"Waldur did not answer within {self.answer_seconds:g} seconds.", True
        if isinstance(error, AnswerTooLargeError):
            return "Waldur's answer is too large.", True
        return "The connection to Waldur was lost.", True


def _parse_answer(raw_answer: RawAnswer) -> RestAnswer:
    media_type = raw_answer.get_header(b"content-type").partition(";")[0].strip().lower()
    retry_after = raw_answer.get_header(b"retry-after")
    body, is_readable = None, not raw_answer.content
    if media_type == JSON_MEDIA_TYPE and _is_decodable(raw_answer):
        try:
            body, is_readable = decode_json(raw_answer.content), True
        except (ValueError, RecursionError):
            log.warning("An answer %d of Waldur is not JSON.", raw_answer.status)
    return RestAnswer(raw_answer.status, media_type, body, retry_after, is_readable)


def _is_decodable(raw_answer: RawAnswer) -> bool:
    """Return whether an answer has content that is not compressed, nor too long for a refusal."""
    size, is_refusal = len(raw_answer.content), raw_answer.status >= HTTPStatus.BAD_REQUEST
    is_encoded = raw_answer.get_header(b"content-encoding") not in ("", "identity")
    return size > 0 and not is_encoded and not (is_refusal and size > MAX_REFUSAL_BYTES)


def _add_note(outcome: RestOutcome, note: str) -> RestOutcome:
    """Return an outcome whose refusal says what it is about an older route."""
    problem = outcome.problem
    if not isinstance(problem, (InvalidInput, Conflict)) or not note:
        return outcome
    return replace(outcome, problem=replace(problem, message=f"{problem.message} {note}"))


def _build_unsent(message: str, *, retryable: bool = True) -> RestOutcome:
    return RestOutcome(problem=Unavailable(message=message, retryable=retryable))


def _is_untrusted(error: BaseException | None) -> bool:
    """Return whether an error is about a certificate."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False

"""The service: its life, its health, and what becomes of a request."""

import gc
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from itertools import count
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api import schema
from gateway.auth import UnauthenticatedError, Viewers, asker
from gateway.bodies import asked
from gateway.context import Budget, Context
from gateway.db.database import Database, TimedOutError, UnavailableError
from gateway.db.installation import Installation
from gateway.db.statement import Statements
from gateway.db.viewer import Viewer
from gateway.db.viewers import ViewerReader
from gateway.db.watching import UnwatchedError
from gateway.execution.answering import Answer, Answering, SubscriptionError
from gateway.execution.asking import Asking
from gateway.execution.failures import Code, told
from gateway.execution.subscribing import Subscribing
from gateway.hangup import Attendance, Attended, GoneError, LateError, StalledError
from gateway.heads import Headed
from gateway.holdings import Companion, changing, kept_alive
from gateway.marketplace.change import Changes
from gateway.replies import Answered, masked, refused
from gateway.requests import BadRequestError
from gateway.schema.errors import BadInputError
from gateway.settings import Settings
from gateway.subscriptions.admission import TooManyError
from gateway.subscriptions.live import Live, watched
from gateway.subscriptions.presence import Name
from gateway.transports.desk import Desk
from gateway.transports.socket import connected
from gateway.transports.stream import Framing, Stream, framing_for, streamed

log = logging.getLogger(__name__)
CLIENT_CLOSED_REQUEST = 499
"""What the log says of a request whose client hung up."""
_PROCESS, _REQUESTS = uuid4().hex[:16], count()
_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)


class Service:
    """Answers requests over one marketplace."""

    def __init__(
        self, settings: Settings, installation: Installation, companion: Companion | None = None
    ) -> None:
        """Serve the marketplace that was found at `settings.database_url`.

        Where changes are made by us, a `companion` works beside.
        """
        self._settings, self._installation = settings, installation
        self._companion = companion
        self._answering = Answering(
            schema, tokens=settings.document_tokens, execution=settings.execution
        )
        self._statements = Statements(installation)
        self._database: Database
        self._viewers: Viewers
        self._changes = Changes()
        self._attendance: Attendance
        self._desk: Desk

    @asynccontextmanager
    async def life(self, _app: Starlette) -> AsyncIterator[None]:
        """Open what the service needs, and close it in the end."""
        settings = self._settings
        assert settings.database_url is not None
        self._attendance = Attendance(settings.request_seconds)
        async with AsyncExitStack() as held:
            self._database = await Database.at(
                settings.database_url,
                size=settings.pool_size,
                statement_seconds=settings.statement_seconds,
                pooler=settings.pooler,
            )
            held.push_async_callback(self._database.close)
            self._changes = await changing(settings, self._statements, self._companion, held)
            used = kept_alive(settings, self._installation, held)
            self._viewers = Viewers(
                ViewerReader(self._installation, self._database),
                seconds=settings.viewer_seconds,
                used=used,
                patient=self._database.soon,
            )
            await held.enter_async_context(self._telling())
            _settle()
            yield

    @asynccontextmanager
    async def _telling(self) -> AsyncIterator[None]:
        """Tell subscribers of changes while the service lives."""
        settings = self._settings
        assert settings.database_url is not None
        watching = watched(settings, settings.database_url)
        live = Live(
            settings, watching, self._answering, self._viewers, self._context, self._database
        )
        self._desk = Desk(
            settings, self._answering, live.subscriptions, live.presence, self._context
        )
        async with live.running():
            yield

    async def graphql(self, request: Headed) -> ASGIApp:
        """Answer a request to the one endpoint there is."""
        id_ = request_id(request.says(b"x-request-id"))
        try:
            return await self._answer(request, id_)
        except GoneError:
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        except Exception as problem:  # noqa: BLE001 - the process lives, whatever happens
            return _refused(problem, id_) or _failed(problem, id_)

    async def _answer(self, request: Headed, id_: str) -> ASGIApp:
        with Attended(request, self._attendance) as attended:
            asking = await asked(request, self._settings.body_bytes, id_)
            attended.read()
            accepted = request.says(b"accept")
            framing = framing_for(accepted)
            if framing is None:
                return Answered(await self._answered(asking, request), accepted, id_)
            subscribed = self._answering.subscription(asking)
            if not isinstance(subscribed, Subscribing):
                answer = subscribed or await self._answered(asking, request)
                return streamed(answer, framing, accepted, id_)
        return await self._stream(subscribed, framing, request, id_)

    async def _answered(self, asking: Asking, request: Headed) -> Answer:
        viewer = await self._viewers.viewer(*self._name(request))
        return await self._answering.answer(asking, self._context(viewer))

    async def _stream(
        self, subscribed: Subscribing, framing: Framing, request: Headed, id_: str
    ) -> ASGIApp:
        stream, after = Stream(self._desk, framing, id_), request.says(b"last-event-id")
        try:
            return await stream.begin(subscribed, self._name(request), after or None)
        except BadInputError as problem:
            answer = Answer({"errors": told([problem], id_)}, refused=True)
            return streamed(answer, framing, request.says(b"accept"), id_)

    async def socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket."""
        await connected(self._desk, scope, receive, send, request_id(""))

    def _name(self, request: Headed) -> Name:
        """Give the key and the address that a request comes with."""
        return asker(
            request.heard.get(b"authorization", ()),
            request.peer,
            request.heard.get(b"x-forwarded-for", ()),
            self._settings.trusted_proxies,
        )

    def _context(self, viewer: Viewer) -> Context:
        budget = Budget(self._settings.answer_rows)
        media = self._settings.media
        return Context(self._database, self._statements, viewer, media, budget, self._changes)

    async def ready(self, _request: Request) -> Response:
        """Say whether queries can be answered."""
        try:
            await self._database.ready()
        except (UnavailableError, TimedOutError):
            return PlainTextResponse("The database can't be read.\n", 503)
        return PlainTextResponse("ready\n")


_REFUSALS: Mapping[type[Exception], tuple[int, Code, dict[str, str]]] = {
    UnauthenticatedError: (401, Code.UNAUTHENTICATED, {"WWW_Authenticate": "Token"}),
    SubscriptionError: (406, Code.BAD_USER_INPUT, {}),
    StalledError: (408, Code.BAD_USER_INPUT, {}),
    UnwatchedError: (503, Code.UNAVAILABLE, {}),
    TooManyError: (429, Code.RATE_LIMITED, {"Retry_After": "10"}),
}
"""What the client can change: its status, its code, and headers."""


def _refused(problem: Exception, id_: str) -> Response | None:
    """Tell of what the client can change; None if it can't change that."""
    if isinstance(problem, BadRequestError):
        return refused(problem.status, str(problem), Code.BAD_USER_INPUT, id_)
    for kind, (status, code, headers) in _REFUSALS.items():
        if isinstance(problem, kind):
            return refused(status, str(problem), code, id_, **headers)
    return None


def _failed(problem: Exception, id_: str) -> Response:
    """Tell of what went wrong here; the log tells more."""
    if isinstance(problem, (UnavailableError, TimedOutError)):
        log.warning("%s: %s", id_, problem)
        later = {"Retry_After": "2"}
        return masked(HTTPStatus.SERVICE_UNAVAILABLE, Code.UNAVAILABLE, id_, **later)
    if isinstance(problem, LateError):
        log.warning("%s: The answer takes too long.", id_)
        return masked(HTTPStatus.GATEWAY_TIMEOUT, Code.TIMEOUT, id_)
    log.error("%s", id_, exc_info=problem)
    return masked(HTTPStatus.INTERNAL_SERVER_ERROR, Code.INTERNAL, id_)


def _settle() -> None:
    """Spare the garbage collector what stays for good, and have it run less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def request_id(given: str) -> str:
    """Give the caller's name of the request, if it is one, or a new one."""
    return given if _REQUEST_ID.fullmatch(given) else f"{_PROCESS}{next(_REQUESTS):016x}"

"""The service: its life, its health, and what becomes of a request."""

import gc
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from uuid import uuid4

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api import schema
from gateway.auth.authenticator import Viewers, asker
from gateway.config.settings import Settings
from gateway.db.access.viewer import Viewer
from gateway.db.access.viewer_loader import ViewerReader
from gateway.db.driver.database import Database, TimedOutError, UnavailableError
from gateway.db.events.change_feed import Watching
from gateway.db.installation.installation import Installation
from gateway.db.sql.compiler import Statements
from gateway.execution.errors import told
from gateway.execution.executor import Answer, Answering
from gateway.execution.graphql_request import Asking
from gateway.execution.subscription import Subscribing
from gateway.http.deadline import Attendance, Attended, GoneError
from gateway.http.errors import unanswered
from gateway.http.request_body import asked
from gateway.http.request_head import Headed
from gateway.http.responses import Answered, absent, file
from gateway.marketplace.attachments import fetched, named
from gateway.marketplace.problems import Problem
from gateway.marketplace.unit_of_work import Changes
from gateway.schema.framework.context import Budget, Context
from gateway.schema.framework.errors import BadInputError
from gateway.server.background import Companion, changing, kept_alive
from gateway.server.metrics import Counted, registry, written
from gateway.subscriptions.quota import Admission
from gateway.subscriptions.service import Live, watched
from gateway.subscriptions.session_monitor import Name
from gateway.transports.http_stream import Stream, streamed
from gateway.transports.services import Desk
from gateway.transports.stream_framing import Framing, framing_for
from gateway.transports.websocket_handshake import connected

log = logging.getLogger(__name__)
CLIENT_CLOSED_REQUEST = 499
"""What the log says of a request whose client hung up."""
Answers = Callable[[Headed, str], Awaitable[ASGIApp]]
"""Answers a request, which has an id."""
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
        self._watching: Watching
        self._counted: CollectorRegistry
        self._held = 0.0

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
        self._watching = watching
        sockets = Admission("connections", settings.sockets)
        self._desk = Desk(
            settings, self._answering, live.subscriptions, live.presence, sockets, self._context
        )
        self._counted = registry(Counted(self._answering, self._desk, lambda: self._held))
        async with live.running():
            yield

    async def graphql(self, request: Headed) -> ASGIApp:
        """Answer a request to the one endpoint there is."""
        return await self._safely(request, self._answer)

    async def attachment(self, request: Request) -> ASGIApp:
        """Give the file that came with an order to whoever sees the order."""
        uuid, head = named(request.scope["path"]), request.method == "HEAD"
        given = partial(self._file, uuid=uuid, head=head)
        return await self._safely(Headed(request.scope, request.receive), given)

    async def _safely(self, request: Headed, answer: Answers) -> ASGIApp:
        id_ = request_id(request.says(b"x-request-id"))
        try:
            return await answer(request, id_)
        except GoneError:
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        except Exception as problem:  # noqa: BLE001 - the process lives, whatever happens
            return unanswered(problem, id_)

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

    async def _file(self, request: Headed, id_: str, *, uuid: str | None, head: bool) -> Response:
        if uuid is None:
            return absent(id_)
        with Attended(request, self._attendance) as attended:
            attended.read()
            viewer = await self._viewers.viewer(*self._name(request))
            found = await self._changes.make(viewer, lambda change: fetched(change, uuid))
        if isinstance(found, Problem):
            return absent(id_)
        return file(found, f"purchase-order-{uuid}.pdf", id_, head=head)

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

    async def metrics(self, _request: Request) -> Response:
        """Tell what this process counts."""
        try:
            self._held = await self._watching.held()
        except UnavailableError as problem:
            log.warning("What holds events back is not known: %s", problem)
        return PlainTextResponse(written(self._counted), media_type=CONTENT_TYPE_LATEST)

    async def ready(self, _request: Request) -> Response:
        """Say whether queries can be answered."""
        try:
            await self._database.ready()
        except (UnavailableError, TimedOutError):
            return PlainTextResponse("The database can't be read.\n", 503)
        return PlainTextResponse("ready\n")


def _settle() -> None:
    """Spare the garbage collector what stays for good, and have it run less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def request_id(given: str) -> str:
    """Give the caller's name of the request, if it is one, or a new one."""
    return given if _REQUEST_ID.fullmatch(given) else f"{_PROCESS}{next(_REQUESTS):016x}"

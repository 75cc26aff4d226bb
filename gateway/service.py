"""The service: its life, its health, and what becomes of a request."""

import asyncio
import gc
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.api import schema
from gateway.auth import UnauthenticatedError, Viewers, asker
from gateway.bodies import asked
from gateway.context import Budget, Context
from gateway.db.database import Database, TimedOutError, UnavailableError
from gateway.db.installation import Installation
from gateway.db.statement import Statements
from gateway.db.tokens import slide
from gateway.db.viewer import Viewer
from gateway.db.viewers import ViewerReader
from gateway.db.writer import Writing
from gateway.execution.answering import Answering
from gateway.execution.failures import Code
from gateway.hangup import Attendance, Attended, GoneError, LateError, StalledError
from gateway.heads import Headed
from gateway.keepalive import KeepAlive, Waldur
from gateway.marketplace.attachments import fetched, named
from gateway.marketplace.change import Changes
from gateway.marketplace.problems import Problem
from gateway.replies import Answered, absent, file, masked, refused
from gateway.requests import BadRequestError
from gateway.settings import Settings

log = logging.getLogger(__name__)
CLIENT_CLOSED_REQUEST = 499
"""What the log says of a request whose client hung up."""
Companion = Callable[[Writing, Statements], Coroutine[Any, Any, None]]
"""Works in the background until it is cancelled."""
Answer = Callable[[Headed, str], Awaitable[Response]]
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
            self._changes = await self._changing(settings.database_url, held)
            used = self._kept_alive(settings.database_url, held)
            self._viewers = Viewers(
                ViewerReader(self._installation, self._database),
                seconds=settings.viewer_seconds,
                used=used,
                patient=self._database.soon,
            )
            _settle()
            yield

    async def _changing(self, url: str, held: AsyncExitStack) -> Changes:
        """Give where changes are made: in the database itself if it is ours, else nowhere yet."""
        reason = unchangeable(self._settings, self._installation)
        if reason is not None:
            return Changes(reason=reason)
        settings = self._settings
        seconds, pooler = settings.statement_seconds, settings.pooler
        writing = Writing(url, statement_seconds=seconds, pooler=pooler)
        await writing.open()
        held.push_async_callback(writing.close)
        if self._companion is not None:
            working = asyncio.create_task(self._companion(writing, self._statements))
            held.push_async_callback(_ended, working)
        return Changes(writing, self._statements)

    def _kept_alive(self, url: str, held: AsyncExitStack) -> Callable[[str], None]:
        """Give what is to be told of each used token: a demo's own tables, or Waldur, or nobody."""
        if not self._settings.keep_tokens:
            return lambda _key: None
        if self._installation.writable:
            keep = KeepAlive(partial(slide, url), seconds=60)
        elif self._settings.waldur_url:
            waldur = Waldur(self._settings.waldur_url)
            held.push_async_callback(waldur.close)
            keep = KeepAlive(waldur.say, seconds=600)
        else:
            return lambda _key: None
        held.push_async_callback(keep.close)
        return keep.used

    async def graphql(self, request: Headed) -> Response:
        """Answer a request to the one endpoint there is."""
        return await self._safely(request, self._answer)

    async def attachment(self, request: Request) -> Response:
        """Give the file that came with an order to whoever sees the order."""
        uuid, head = named(request.scope["path"]), request.method == "HEAD"
        given = partial(self._file, uuid=uuid, head=head)
        return await self._safely(Headed(request.scope, request.receive), given)

    async def _safely(self, request: Headed, answer: Answer) -> Response:
        id_ = request_id(request.says(b"x-request-id"))
        try:
            return await answer(request, id_)
        except BadRequestError as problem:
            return refused(problem.status, str(problem), Code.BAD_USER_INPUT, id_)
        except UnauthenticatedError as problem:
            code, how = Code.UNAUTHENTICATED, {"WWW_Authenticate": "Token"}
            return refused(HTTPStatus.UNAUTHORIZED, str(problem), code, id_, **how)
        except StalledError:
            late, status = "The body did not come in time.", HTTPStatus.REQUEST_TIMEOUT
            return refused(status, late, Code.BAD_USER_INPUT, id_)
        except GoneError:
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        except Exception as problem:  # noqa: BLE001 - the process lives, whatever happens
            return _failed(problem, id_)

    async def _answer(self, request: Headed, id_: str) -> Response:
        with Attended(request, self._attendance) as attended:
            asking = await asked(request, self._settings.body_bytes, id_)
            attended.read()
            answer = await self._answering.answer(asking, await self._context(request))
        return Answered(answer, request.says(b"accept"), id_)

    async def _file(self, request: Headed, id_: str, *, uuid: str | None, head: bool) -> Response:
        if uuid is None:
            return absent(id_)
        with Attended(request, self._attendance) as attended:
            attended.read()
            viewer = await self._viewer(request)
            found = await self._changes.make(viewer, lambda change: fetched(change, uuid))
        if isinstance(found, Problem):
            return absent(id_)
        return file(found, f"purchase-order-{uuid}.pdf", id_, head=head)

    async def _viewer(self, request: Headed) -> Viewer:
        key, address = asker(
            request.heard.get(b"authorization", ()),
            request.peer,
            request.heard.get(b"x-forwarded-for", ()),
            self._settings.trusted_proxies,
        )
        return await self._viewers.viewer(key, address)

    async def _context(self, request: Headed) -> Context:
        viewer = await self._viewer(request)
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


async def _ended(working: asyncio.Task[None]) -> None:
    """Have a companion end."""
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


def unchangeable(settings: Settings, installation: Installation) -> str | None:
    """Say why a marketplace can't be changed; None if it is ours, and can."""
    if settings.changes == "off":
        return "Changes are switched off (GATEWAY_CHANGES)."
    if installation.writable and settings.changes in ("auto", "local"):
        return None
    if settings.changes == "local" or settings.waldur_url is None:
        return (
            "This marketplace was not made by the gateway, which changes nothing in it: "
            "it needs the address of Waldur's REST API (GATEWAY_WALDUR_URL)."
        )
    return "Changes by Waldur's REST API are not supported yet."


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

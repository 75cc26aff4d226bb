"""The HTTP service: routes, its life, its health; who asks, and what becomes of a request."""

import gc
import logging
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from http import HTTPStatus
from itertools import count
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from gateway.api import schema
from gateway.auth import UnauthenticatedError, Viewers, asker
from gateway.bodies import BadRequestError, asking_in, body_of
from gateway.context import Budget, Context
from gateway.db.database import Database, TimedOutError, UnavailableError
from gateway.db.installation import Installation
from gateway.db.statement import Statements
from gateway.db.tokens import slide
from gateway.db.viewers import ViewerReader
from gateway.examples import EXAMPLES
from gateway.execution.answering import Answering
from gateway.execution.failures import Code
from gateway.hangup import Attendance, Attended, GoneError, LateError, StalledError
from gateway.heads import Headed
from gateway.ide import page
from gateway.keepalive import KeepAlive, Waldur
from gateway.replies import Answered, masked, refused
from gateway.settings import Settings

log = logging.getLogger(__name__)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
PATH = "/graphql"
METHODS = ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY")
"""What is answered by the page or by a refusal; queries come by POST."""
CLIENT_CLOSED_REQUEST = 499
"""What the log says of a request whose client hung up."""
_PROCESS, _REQUESTS = uuid4().hex[:16], count()
_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)


class Service:
    """Answers requests over one marketplace."""

    def __init__(self, settings: Settings, installation: Installation) -> None:
        """Serve the marketplace that was found at `settings.database_url`."""
        self._settings, self._installation = settings, installation
        self._answering = Answering(
            schema, tokens=settings.document_tokens, execution=settings.execution
        )
        self._statements = Statements(installation)
        self._database: Database
        self._viewers: Viewers
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
            used = self._kept_alive(settings.database_url, held)
            self._viewers = Viewers(
                ViewerReader(self._installation, self._database),
                seconds=settings.viewer_seconds,
                used=used,
                patient=self._database.soon,
            )
            _settle()
            yield

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
        id_ = _request_id(request.says(b"x-request-id"))
        try:
            return await self._answer(request, id_)
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
            asking = asking_in(await body_of(request, self._settings.body_bytes), id_)
            attended.read()
            answer = await self._answering.answer(asking, await self._context(request))
        return Answered(answer, request.says(b"accept"), id_)

    async def _context(self, request: Headed) -> Context:
        key, address = asker(
            request.heard.get(b"authorization", ()),
            request.peer,
            request.heard.get(b"x-forwarded-for", ()),
            self._settings.trusted_proxies,
        )
        viewer = await self._viewers.viewer(key, address)
        budget = Budget(self._settings.answer_rows)
        return Context(self._database, self._statements, viewer, self._settings.media, budget)

    async def ready(self, _request: Request) -> Response:
        """Say whether queries can be answered."""
        try:
            await self._database.ready()
        except (UnavailableError, TimedOutError):
            return PlainTextResponse("The database can't be read.\n", 503)
        return PlainTextResponse("ready\n")


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


async def live(_request: Request) -> Response:
    """Say that the process lives."""
    return PlainTextResponse("live\n")


async def to_graphql(_request: Request) -> Response:
    """Lead to where the gateway answers."""
    return RedirectResponse(PATH)


class Application(Starlette):
    """The service as an ASGI application; queries go the shortest way, by no middleware."""

    def __init__(self, service: Service, routes: Sequence[BaseRoute]) -> None:
        """Route what is not a query by `routes`."""
        super().__init__(routes=routes, lifespan=service.life)
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            response = await self._service.graphql(Headed(scope, receive))
            await response(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def application(
    settings: Settings, installation: Installation, token: str | None = None
) -> Application:
    """Make the service; `token` is what GraphiQL starts with, if anything."""
    service = Service(settings, installation)
    return Application(
        service,
        [
            Route("/livez", live),
            Route("/readyz", service.ready),
            Route("/", to_graphql),
            *_graphql(settings, token),
        ],
    )


def _graphql(settings: Settings, token: str | None) -> Sequence[BaseRoute]:
    headers = {"Authorization": f"Token {token}"} if token else None

    async def answer(request: Request) -> Response:
        if settings.graphiql and "text/html" in request.headers.get("accept", ""):
            # A name that leads here from elsewhere must not get the demo's token with the page.
            own = request.url.hostname in LOOPBACK
            return page.page(headers=headers if own else None, examples=EXAMPLES)
        status, code, only = HTTPStatus.METHOD_NOT_ALLOWED, Code.BAD_USER_INPUT, {"Allow": "POST"}
        return refused(
            status,
            "Send queries by POST.",
            code,
            _request_id(request.headers.get("x-request-id", "")),
            **only,
        )

    route = Route(PATH, answer, methods=METHODS)
    return [*(page.routes() if settings.graphiql else ()), route]


def _request_id(given: str) -> str:
    """Give the caller's name of the request, if it is one, or a new one."""
    return given if _REQUEST_ID.fullmatch(given) else f"{_PROCESS}{next(_REQUESTS):016x}"

"""The gateway as its clients meet it: over HTTP, in this process or in one of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any

import httpx
import psycopg

from gateway.config.settings import PREFIX, settings
from gateway.db.queries.tokens import tokens
from gateway.demo.marketplace.fill import make
from gateway.server.app import application
from gateway.server.factory import installation_of
from tests.support.marketplaces import EXECUTION
from tests.support.project_paths import PROJECT_ROOT

CODES = {
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "BAD_USER_INPUT",
    "QUERY_TOO_COMPLEX",
    "RATE_LIMITED",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
    "TIMEOUT",
    "INTERNAL",
}
"""The closed list of what `extensions.code` can be."""
Came = tuple[int, str, str]
"""The exit status of a command, its output, and what it said on standard error."""
Headers = dict[str, str] | list[tuple[str, bytes]]
"""Headers; such with bytes beyond ASCII, and such that come twice, as pairs."""


class Client:
    """A client of one gateway, with the tokens of all users at hand."""

    def __init__(self, http: httpx.AsyncClient, known: dict[str, str]) -> None:
        self.http, self.tokens = http, known

    async def post(
        self, content: bytes, as_: str | None = "staff", **headers: str
    ) -> httpx.Response:
        """Send a body, with the token of a user."""
        sent = {"content-type": "application/json"}
        if as_ is not None:
            sent["authorization"] = f"Token {self.tokens[as_]}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/graphql", content=content, headers=sent)

    async def send(self, query: str, headers: Headers | None = None) -> httpx.Response:
        """Send a query with these headers and no token besides."""
        pairs = list(headers.items()) if isinstance(headers, dict) else headers or []
        sent = httpx.Headers([(name.encode(), _bytes(value)) for name, value in pairs])
        return await self.http.post("/graphql", json={"query": query}, headers=sent)

    async def post_query(
        self, query: str, as_: str | None = "staff", **variables: Any
    ) -> httpx.Response:
        """Send a query, with the token of a user."""
        headers = {} if as_ is None else {"Authorization": f"Token {self.tokens[as_]}"}
        asked = {"query": query, "variables": variables}
        return await self.http.post("/graphql", json=asked, headers=headers)

    async def ask(self, query: str, as_: str | None = "staff", **variables: Any) -> Any:
        """Give the whole answer to a query."""
        return (await self.post_query(query, as_, **variables)).json()

    async def error(self, query: str, as_: str | None = "staff", **variables: Any) -> Any:
        """Give the only error of the answer to a query."""
        (error,) = (await self.ask(query, as_, **variables))["errors"]
        return error


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


@asynccontextmanager
async def service(url: str, at: str | None = None, **given: str) -> AsyncIterator[Client]:
    """Serve the marketplace at `url` in this process, by connections to `at` if that is given."""
    effective = settings(_environment({"database_url": at or url, **given}))
    app = application(effective, installation_of(settings(_environment({"database_url": url}))))
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=30) as http,
    ):
        yield Client(http, tokens_at(url))


@dataclass
class Process:
    """A gateway in a process of its own."""

    process: subprocess.Popen[bytes]
    url: str
    """Where it serves."""
    said: str
    """What it said on standard error until it served."""

    def end(self, number: signal.Signals) -> int:
        """End it by a signal, as a terminal sends it; give its exit status."""
        os.killpg(self.process.pid, number)
        return self.process.wait(30)


@contextmanager
def process(*arguments: str, **given: str) -> Iterator[Process]:
    """Run `gateway serve` on a free port, until it serves and beyond."""
    with TemporaryFile("a+b") as said:
        running = started("serve", "--port", "0", *arguments, stderr=said, **given)
        try:
            yield _serving(running, said)
        finally:
            if running.poll() is None:
                running.terminate()
                running.wait(20)


def _serving(running: subprocess.Popen[bytes], said: Any) -> Process:
    deadline, text = time.monotonic() + 60, ""
    while time.monotonic() < deadline:
        said.seek(0)
        text = said.read().decode()
        (url,) = [line[10:] for line in text.splitlines() if line.startswith("GraphiQL: ")] or [""]
        if url and _lives(url):
            return Process(running, url.removesuffix("/graphql"), text)
        if running.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"The gateway does not serve: {text}")


def _lives(url: str) -> bool:
    try:
        return httpx.get(url.replace("/graphql", "/livez")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def started(command: str, *arguments: str, **how: Any) -> subprocess.Popen[bytes]:
    """Start a command of the gateway, with no settings from outside but those that are given."""
    given = {name: how.pop(name) for name in list(how) if name not in ("stdout", "stderr")}
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", command, *arguments],
        cwd=PROJECT_ROOT,
        env={**_outside(), **_environment(given)},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        **{"stdout": subprocess.DEVNULL, **how},
    )


def run(command: str, *arguments: str, **given: str) -> Came:
    """Run a command in a process of its own."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = started(command, *arguments, **streams, **given)
    output, said = running.communicate(timeout=60)
    return running.returncode, output.decode(), said.decode()


def refused(came: Came) -> str:
    """Give what a command said that gave up with one line and shows no secret."""
    status, output, said = came
    assert (status, said.count("\n"), said[-1:]) == (2, 1, "\n"), said
    assert "hidden" not in output + said
    return said


def tokens_at(url: str) -> dict[str, str]:
    """Give the users' tokens in a database."""
    with psycopg.connect(url) as connection:
        return tokens(connection)


def _outside() -> dict[str, str]:
    return {name: each for name, each in os.environ.items() if not name.startswith(PREFIX)}


def _environment(given: dict[str, str]) -> dict[str, str]:
    both = {"execution": EXECUTION, **given}
    return {f"{PREFIX}{name.upper()}": value for name, value in both.items()}


def small_demo(url: str) -> str:
    """Make a small demo in an empty database; give its address."""
    with psycopg.connect(url) as connection:
        make(connection, resources=20, seed=1)
    return url

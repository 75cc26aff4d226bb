"""Gateways with clients over HTTP, in this process or in one of their own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO, Any

import httpx
import psycopg

from gateway.config.settings import ENVIRONMENT_PREFIX, load_settings
from gateway.db.queries.tokens import load_tokens_by_username
from gateway.demo.marketplace.fill import create_marketplace
from gateway.server.app import build_application
from gateway.server.factory import detect_installation
from tests.support.marketplaces import EXECUTION_MODE
from tests.support.process_output import read_process_output
from tests.support.project_paths import PROJECT_ROOT
from tests.support.time_limits import TooSlowError, block_until, scale_seconds

ERROR_CODES = {
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "BAD_USER_INPUT",
    "QUERY_TOO_COMPLEX",
    "PERSISTED_QUERY_NOT_FOUND",
    "PERSISTED_QUERY_NOT_SUPPORTED",
    "PERSISTED_DOCUMENT_NOT_FOUND",
    "PERSISTED_DOCUMENT_ID_REQUIRED",
    "RATE_LIMITED",
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "UNAVAILABLE",
    "TIMEOUT",
    "INVALID_DATA",
    "INTERNAL",
}
"""All values of `extensions.code`."""
ADDRESS_PATTERN = re.compile(r"^(?:GraphiQL|GraphQL): (.*)$", re.MULTILINE)
"""The line in which `gateway serve` prints its address."""
MISSING_DATA_FOLDER = Path(gettempdir()) / "gateway-tests-without-data"
UNLIMITED_RATES = {"rate_cost": "off", "rate_anonymous_cost": "off", "failed_tokens": "off"}
"""Settings of gateways under load, whose clients exceed the limits for one user or address."""
CommandResult = tuple[int, str, str]
"""Exit status, standard output and standard error of a command."""
Headers = dict[str, str] | list[tuple[str, bytes]]
"""Headers; as pairs if a value is not ASCII or a name is repeated."""


class GatewayClient:
    """HTTP client of one gateway, with the tokens of all users."""

    def __init__(self, http: httpx.AsyncClient, tokens: dict[str, str]) -> None:
        self.http, self.tokens = http, tokens

    async def post(
        self, content: bytes, as_: str | None = "staff", **headers: str
    ) -> httpx.Response:
        """Send a request body with the token of a user; without one for None."""
        request_headers = {"content-type": "application/json"}
        if as_ is not None:
            request_headers["authorization"] = f"Token {self.tokens[as_]}"
        request_headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/graphql", content=content, headers=request_headers)

    async def send_query(self, query: str, headers: Headers | None = None) -> httpx.Response:
        """Send a query with these headers only, without a token."""
        pairs = list(headers.items()) if isinstance(headers, dict) else headers or []
        request_headers = httpx.Headers(
            [(name.encode(), _encode_header(value)) for name, value in pairs]
        )
        return await self.http.post("/graphql", json={"query": query}, headers=request_headers)

    async def post_query(
        self, query: str, as_: str | None = "staff", **variables: Any
    ) -> httpx.Response:
        """Send a query with the token of a user; without one for None."""
        headers = {} if as_ is None else {"Authorization": f"Token {self.tokens[as_]}"}
        payload = {"query": query, "variables": variables}
        return await self.http.post("/graphql", json=payload, headers=headers)

    async def execute_query(self, query: str, as_: str | None = "staff", **variables: Any) -> Any:
        """Return the decoded response to a query."""
        return (await self.post_query(query, as_, **variables)).json()

    async def fetch_error(self, query: str, as_: str | None = "staff", **variables: Any) -> Any:
        """Return the only error of the response to a query."""
        (error,) = (await self.execute_query(query, as_, **variables))["errors"]
        return error


def _encode_header(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


@asynccontextmanager
async def serve_in_process(
    url: str, connect_url: str | None = None, **overrides: str
) -> AsyncIterator[GatewayClient]:
    """Yield a client of a gateway over the marketplace at `url`, in this process.

    The gateway connects to `connect_url`, if not None, such as a proxy of that database.
    """
    effective_settings = load_settings(
        build_environment(**{"database_url": connect_url or url, **overrides})
    )
    app = build_application(
        effective_settings,
        detect_installation(load_settings(build_environment(**{**overrides, "database_url": url}))),
    )
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as http,
    ):
        yield GatewayClient(http, load_user_tokens(url))


@dataclass
class GatewayProcess:
    """Gateway in a process of its own."""

    popen: subprocess.Popen[bytes]
    url: str
    """The URL that it serves."""
    stderr_text: str
    """Standard error until it served."""

    def end_by_signal(self, signal_number: signal.Signals) -> int:
        """Send a signal to its process group, as a terminal does; return its exit status."""
        os.killpg(self.popen.pid, signal_number)
        return self.popen.wait(scale_seconds(30))


@contextmanager
def run_gateway_process(*arguments: str, **overrides: str) -> Iterator[GatewayProcess]:
    """Yield a `gateway serve` on a free port that is ready to serve."""
    with TemporaryFile("a+b") as stderr_file:
        popen = start_command("serve", "--port", "0", *arguments, stderr=stderr_file, **overrides)
        try:
            yield _wait_until_serving(popen, stderr_file)
        finally:
            if popen.poll() is None:
                popen.terminate()
                popen.wait(scale_seconds(20))


def _wait_until_serving(popen: subprocess.Popen[bytes], stderr_file: IO[bytes]) -> GatewayProcess:
    url = stderr_text = ""

    def is_serving_or_ended() -> bool:
        nonlocal url, stderr_text
        stderr_text = read_process_output(stderr_file)
        address_match = ADDRESS_PATTERN.search(stderr_text)
        url = address_match[1] if address_match else ""
        return popen.poll() is not None or (url != "" and _is_alive(url))

    try:
        block_until(is_serving_or_ended, 60)
    except TooSlowError as error:
        error.add_note(stderr_text)
        raise
    assert popen.poll() is None, f"The gateway did not start: {stderr_text}"
    return GatewayProcess(popen, url.removesuffix("/graphql"), stderr_text)


def _is_alive(url: str) -> bool:
    try:
        response = httpx.get(url.replace("/graphql", "/livez"), timeout=scale_seconds(5))
    except httpx.HTTPError:
        return False
    return response.status_code == httpx.codes.OK


def start_command(command: str, *arguments: str, **popen_options: Any) -> subprocess.Popen[bytes]:
    """Start a command of the gateway with these settings only, without those of the environment.

    `popen_options` are settings, except `stdout` and `stderr`.
    """
    overrides = {
        name: popen_options.pop(name)
        for name in list(popen_options)
        if name not in ("stdout", "stderr")
    }
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", command, *arguments],
        cwd=PROJECT_ROOT,
        env=build_environment(**overrides),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        **{"stdout": subprocess.DEVNULL, **popen_options},
    )


def run_command(command: str, *arguments: str, **overrides: str) -> CommandResult:
    """Run a command of the gateway; return its result."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    popen = start_command(command, *arguments, **streams, **overrides)
    output, stderr_text = popen.communicate(timeout=scale_seconds(60))
    return popen.returncode, output.decode(), stderr_text.decode()


def expect_usage_error(result: CommandResult) -> str:
    """Return the error message of a command that failed with one line and printed no secret."""
    status, output, stderr_text = result
    assert (status, stderr_text.count("\n"), stderr_text[-1:]) == (2, 1, "\n"), stderr_text
    assert "hidden" not in output + stderr_text
    return stderr_text


def load_user_tokens(url: str) -> dict[str, str]:
    """Return the users' tokens in a database, by username."""
    with psycopg.connect(url) as connection:
        return load_tokens_by_username(connection)


def build_environment(**settings: str) -> dict[str, str]:
    """Return the environment of a gateway with these settings only.

    Its data folder does not exist, so that a demo that is served meanwhile is not in the way.
    """
    inherited_variables = {
        name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)
    }
    all_settings = {"execution": EXECUTION_MODE, "data": str(MISSING_DATA_FOLDER), **settings}
    return inherited_variables | {
        f"{ENVIRONMENT_PREFIX}{name.upper()}": value for name, value in all_settings.items()
    }


def create_small_demo(url: str) -> str:
    """Create a small demo in an empty database; return its URL."""
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=20, seed=1)
    return url

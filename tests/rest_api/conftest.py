"""A marketplace whose changes are sent to a REST server."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest_asyncio
from starlette.responses import JSONResponse, Response

from tests.conftest import DatabaseFactory
from tests.support.gateway_server import serve_in_process
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo
from tests.support.rest_server import RecordedRequest, RestServer, run_rest_server
from tests.support.rest_wishes import TERMINATION_SQL


@dataclass(frozen=True)
class RestScene:
    """A demo whose changes are sent to a REST server, and that server.

    The rows of the demo don't change by mutations.
    """

    url: str
    """URL of the database."""
    demo: MutableDemo
    rest_server: RestServer

    def answer_all(self, *answers: tuple[int, Any]) -> Sequence[RecordedRequest]:
        """Answer the next requests by status and JSON, the last one all others, too.

        Returns the requests, which are recorded from now on.
        """
        requests = self.rest_server.requests
        requests.clear()

        def respond(_request: RecordedRequest) -> Response:
            status, body = answers[min(len(requests), len(answers)) - 1]
            return body if isinstance(body, Response) else JSONResponse(body, status)

        self.rest_server.respond = respond
        return requests

    @asynccontextmanager
    async def serve_again(self) -> AsyncIterator[MutableDemo]:
        """Yield the demo with a gateway that has just started."""
        settings = {"changes": "waldur", "waldur_url": f"{self.rest_server.url}/waldur"}
        async with serve_in_process(self.url, **settings) as client:
            yield MutableDemo(client, self.demo.connection)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def rest_scene(new_database: DatabaseFactory) -> AsyncIterator[RestScene]:
    """Yield a marketplace whose changes are sent to a REST server at a URL with a path."""
    url = new_database()
    with run_rest_server() as rest_server:
        async with serve_mutable_demo(
            url,
            resources=200,
            setup_sql=TERMINATION_SQL,
            changes="waldur",
            waldur_url=f"{rest_server.url}/waldur",
        ) as demo:
            yield RestScene(url, demo, rest_server)

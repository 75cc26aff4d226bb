"""Marketplaces for tests: the gateway's executor over a real database, with a record of its SQL."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from gateway.api import schema
from gateway.auth.errors import UnauthenticatedError
from gateway.db.access.viewer import Viewer
from gateway.db.access.viewer_loader import ViewerLoader
from gateway.db.driver.database import Database, PendingRequest
from gateway.db.driver.startup_connection import connect_database
from gateway.db.installation.installation import Installation, inspect_installation
from gateway.db.queries.tokens import load_tokens_by_username
from gateway.db.sql.compiler import StatementCompiler
from gateway.execution.executor import Executor
from gateway.execution.graphql_request import GraphQLRequest
from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import RequestContext
from tests.support.operation_limits import LARGE_POLICY
from tests.support.time_limits import scale_seconds

LOCAL_ADDRESS = "127.0.0.1"
MEDIA_BASE_URL = "https://media.example.org/"
EXECUTION_MODE = os.environ.get("GATEWAY_EXECUTION", "compiled")
"""Execution mode of the test suite (GATEWAY_EXECUTION); all tests pass in both."""


class RecordingDatabase(Database):
    """Database that records the SQL of its statements."""

    recorded_sql: list[str]
    batch_count = 0
    """Number of batches of statements that were sent."""

    def send(self, pending_requests: Sequence[PendingRequest]) -> None:
        """Send statements and record their SQL."""
        self.batch_count += 1
        self.recorded_sql.extend(statement.sql for (statement, _), _ in pending_requests)
        super().send(pending_requests)


class Marketplace:
    """Gateway over one database, without HTTP."""

    def __init__(
        self,
        url: str,
        database: RecordingDatabase,
        execution: str = EXECUTION_MODE,
        read_url: str | None = None,
    ) -> None:
        self.url, self.database = url, database
        with connect_database(read_url or url) as connection:
            self.installation: Installation = inspect_installation(connection)
            self.tokens = load_tokens_by_username(connection)
        self.statement_compiler = StatementCompiler(self.installation)
        self.viewer_loader = ViewerLoader(self.installation, database)
        self.executor = Executor(schema, execution=execution, policy=LARGE_POLICY)

    async def load_viewer(
        self, username: str | None, address: str | None = LOCAL_ADDRESS
    ) -> Viewer:
        """Return the viewer of a user; the anonymous viewer for None."""
        if username is None:
            return await self.viewer_loader.load_viewer(None, address)
        holder = await self.viewer_loader.load_token_holder(self.tokens[username])
        if holder is None or not holder.is_active:
            raise UnauthenticatedError(username)
        return await self.viewer_loader.load_viewer(holder, address)

    async def execute_query(
        self,
        query: str,
        as_: str | None = "staff",
        address: str | None = LOCAL_ADDRESS,
        **variables: Any,
    ) -> Any:
        """Return the decoded response to a query; `database.recorded_sql` then holds its SQL."""
        viewer = await self.load_viewer(as_, address)
        return await self.execute_as(viewer, query, **variables)

    async def execute_as(self, viewer: Viewer, query: str, **variables: Any) -> Any:
        """Return the decoded response to a query of a viewer."""
        self.database.recorded_sql = []
        context = RequestContext(
            self.database, self.statement_compiler, Requester(viewer), MEDIA_BASE_URL
        )
        result = await self.executor.execute(GraphQLRequest(query, variables), context)
        return msgspec.json.decode(result.encode())

    async def fetch_data(self, query: str, as_: str | None = "staff", **variables: Any) -> Any:
        """Return the data of a response, which must have no errors."""
        result = await self.execute_query(query, as_, **variables)
        assert "errors" not in result, result["errors"][:3]
        return result["data"]

    async def fetch_error(self, query: str, as_: str | None = "staff", **variables: Any) -> Any:
        """Return the first error of a response, which must have one."""
        return (await self.execute_query(query, as_, **variables))["errors"][0]


@asynccontextmanager
async def open_marketplace(
    url: str,
    execution: str = EXECUTION_MODE,
    *,
    pooler: bool = False,
    read_url: str | None = None,
) -> AsyncIterator[Marketplace]:
    """Yield the marketplace at `url`; the gateway connects to `read_url`, if not None."""
    database = await RecordingDatabase.connect(
        read_url or url, pooler=pooler, statement_seconds=scale_seconds(60)
    )
    assert isinstance(database, RecordingDatabase)
    database.recorded_sql = []
    try:
        yield Marketplace(url, database, execution, read_url)
    finally:
        await database.close()

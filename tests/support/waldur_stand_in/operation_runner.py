"""Our own operations with write access, in the stand-in's event loop."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gateway.db.access.viewer_loader import TokenHolder, ViewerLoader
from gateway.db.driver.database import Database
from gateway.db.driver.startup_connection import connect_database
from gateway.db.driver.transactions import TransactionPool
from gateway.db.installation.installation import inspect_installation
from gateway.db.sql.compiler import StatementCompiler
from gateway.marketplace.change_service import LocalChangeService
from gateway.marketplace.operation_call import Operation, OperationCall
from gateway.marketplace.problems import Problem
from gateway.marketplace.requester import Requester
from gateway.marketplace.unit_of_work import ChangeResult, TransactionRunner
from tests.support.time_limits import scale_seconds
from tests.support.waldur_stand_in.user_lookups import WaldurUser

RULES_YEAR = 2026


class OperationRunner:
    """Runs operations in a marketplace of our own."""

    def __init__(self, database_url: str) -> None:
        """Run operations in a database."""
        self._database_url = database_url
        self._change_service: LocalChangeService | None = None
        self._viewer_loader: ViewerLoader | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open the connections."""
        with connect_database(self._database_url) as connection:
            installation = inspect_installation(connection, RULES_YEAR)
        seconds = scale_seconds(60)
        transaction_pool = TransactionPool(self._database_url, statement_seconds=seconds)
        database = await Database.connect(
            self._database_url, pooler=False, statement_seconds=seconds
        )
        await transaction_pool.open()
        try:
            self._viewer_loader = ViewerLoader(installation, database)
            self._change_service = LocalChangeService(
                TransactionRunner(transaction_pool, StatementCompiler(installation))
            )
            yield
        finally:
            await transaction_pool.close()
            await database.close()

    async def run_operation(
        self, user: WaldurUser, operation: Operation, arguments: Mapping[str, Any]
    ) -> ChangeResult | Problem:
        """Run an operation on behalf of a user."""
        assert self._viewer_loader is not None
        assert self._change_service is not None
        holder = TokenHolder(
            user.id, user.username, user.is_staff, user.is_support, user.is_active, is_expired=False
        )
        viewer = await self._viewer_loader.load_viewer(holder, "127.0.0.1")
        call = OperationCall(operation, "WaldurRequest", arguments)
        return await self._change_service.run_operation(Requester(viewer), call)

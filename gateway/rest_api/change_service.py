"""The change service of a real Waldur: operations are sent to its REST API.

dry run of the operation ── problem ─────────────────────────> the result
│ all checks have passed
v
REST_ROUTES: the request ──> RestClient ── refused ──────────> the problem
│ accepted
v
keys of the changed rows ───────────> the result
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from gateway.db.driver.database import Database
from gateway.db.sql.compiler import StatementCompiler
from gateway.marketplace.change_batch import ChangeOutcome
from gateway.marketplace.change_service import ChangeService
from gateway.marketplace.dry_run import DryRunAccess, find_dry_run_problem
from gateway.marketplace.operation_call import OperationCall
from gateway.marketplace.problems import ChangeRefusedError, Conflict, InvalidInput, Problem
from gateway.marketplace.requester import Requester
from gateway.marketplace.unit_of_work import ANONYMOUS_REFUSAL, ChangeResult, UnitOfWork
from gateway.rest_api.request_sequence import send_request_sequence
from gateway.rest_api.rest_action import CheckedCall
from gateway.rest_api.rest_client import RestClient
from gateway.rest_api.rest_route import RestRoute
from gateway.rest_api.rest_routes import REST_ROUTES

T = TypeVar("T")


class RestChangeService(ChangeService):
    """Service that sends operations to Waldur's REST API with the viewer's own credentials."""

    def __init__(
        self, database: Database, statement_compiler: StatementCompiler, rest_client: RestClient
    ) -> None:
        """Check operations in a database of Waldur, and send them by a client."""
        self._database, self._statement_compiler = database, statement_compiler
        self._rest_client = rest_client

    def exchange_compiler(
        self, statement_compiler: StatementCompiler, _read_only_reason: str
    ) -> None:
        """Use another compiler from now on."""
        self._statement_compiler = statement_compiler

    async def run_check(
        self, requester: Requester, work: Callable[[UnitOfWork], Awaitable[T]]
    ) -> T | Problem:
        """Run work that writes nothing."""
        if requester.viewer.user_id is None:
            return ANONYMOUS_REFUSAL
        try:
            return await work(self._create_unit(requester))
        except ChangeRefusedError as error:
            return error.problem

    async def run_operation(
        self, requester: Requester, call: OperationCall
    ) -> ChangeResult | Problem:
        """Send an operation, unless our own checks find a problem."""
        if requester.viewer.user_id is None:
            return ANONYMOUS_REFUSAL
        unit_of_work = self._create_unit(requester)
        problem = await find_dry_run_problem(unit_of_work, call.run_operation)
        if problem is not None:
            return problem
        checked_call = CheckedCall(unit_of_work, call.arguments, self._rest_client.api_url)
        try:
            return await self._send_call(requester, checked_call, REST_ROUTES[call.operation])
        except ChangeRefusedError as error:
            return error.problem

    async def _send_call(
        self, requester: Requester, call: CheckedCall, route: RestRoute
    ) -> ChangeResult | Problem:
        request = await route.build_request(call)
        outcome = await send_request_sequence(
            self._rest_client, requester, call.unit_of_work, request
        )
        assert outcome.answer is not None
        return await route.load_result(call, outcome.answer)

    async def run_operations(
        self, requester: Requester, calls: Sequence[OperationCall], _give_up_at: float | None
    ) -> list[ChangeOutcome]:
        """Send operations one after the other."""
        return [await self.run_operation(requester, each) for each in calls]

    async def _refine_problem(
        self, requester: Requester, call: OperationCall, problem: Problem
    ) -> Problem:
        """Return our own problem if our checks find one now, which has the state, for example.

        The object may have changed since the first dry run, and Waldur answers only a text.
        """
        if not isinstance(problem, (Conflict, InvalidInput)):
            return problem
        unit_of_work = self._create_unit(requester)
        return await find_dry_run_problem(unit_of_work, call.run_operation) or problem

    def _create_unit(self, requester: Requester) -> UnitOfWork:
        compiler = self._statement_compiler
        access = DryRunAccess(self._database, compiler.installation)
        return UnitOfWork(requester.viewer, access, compiler)

"""The change service of a real Waldur: operations are sent to its REST API.

dry run of the operation ── problem ─────────────────────────> the result
│ all checks have passed
v
REST_ROUTES: the request ──> RestClient ── refused ──────────> the problem
│ accepted
v
keys of the changed rows ───────────> the result

A request that was sent is not abandoned if its client leaves (`request_tasks`). With an idempotency
key it is sent once (`keyed_requests`).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from gateway.db.driver.database import Database
from gateway.db.driver.transactions import TransactionPool
from gateway.db.sql.compiler import StatementCompiler
from gateway.marketplace.change_batch import NOT_BEGUN, ChangeOutcome
from gateway.marketplace.change_service import ChangeService
from gateway.marketplace.dry_run import DryRunAccess
from gateway.marketplace.idempotency import compute_digest, compute_part_key, find_key_problem
from gateway.marketplace.operation_call import OperationCall
from gateway.marketplace.problems import ChangeRefusedError, Problem, Unavailable, raise_problem
from gateway.marketplace.requester import Requester
from gateway.marketplace.unit_of_work import ANONYMOUS_REFUSAL, ChangeResult, UnitOfWork
from gateway.rest_api.key_claims import KeyClaims, RequestKey
from gateway.rest_api.keyed_requests import KeyedRequests
from gateway.rest_api.request_tasks import NoAnswerYetError, RequestTasks
from gateway.rest_api.rest_change import RestChange
from gateway.rest_api.rest_client import RestClient

T = TypeVar("T")
RESEND_MARGIN_SECONDS = 60
"""Seconds, in addition to those of a request and another that has to follow it, after which Waldur
has ended both.
"""
MAX_CONCURRENT_REQUESTS = 8
"""Maximum number of requests of one mutation of many objects that are under way."""


class RestChangeService(ChangeService):
    """Service that sends operations to Waldur's REST API with the viewer's own credentials."""

    uses_rest_api = True

    def __init__(
        self,
        pools: tuple[Database, TransactionPool],
        statement_compiler: StatementCompiler,
        rest_client: RestClient,
    ) -> None:
        """Check operations in a database of Waldur, and send them by a client.

        `pools` are those for reads and for writes, which are those of idempotency keys only.
        """
        self._database, transaction_pool = pools
        self._statement_compiler, self._rest_client = statement_compiler, rest_client
        self._request_tasks = RequestTasks()
        self._keyed_requests = KeyedRequests(
            KeyClaims(transaction_pool),
            self._request_tasks,
            resend_seconds=2 * rest_client.exchange_seconds + RESEND_MARGIN_SECONDS,
        )

    async def close(self) -> None:
        """Wait a moment for the answers to requests that were sent."""
        await self._request_tasks.close()

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
        return await self._run_call(requester, call, call.idempotency_key)

    async def run_operations(
        self, requester: Requester, calls: Sequence[OperationCall], give_up_at: float | None
    ) -> list[ChangeOutcome]:
        """Send operations, a few at the same time; each by itself."""
        semaphore = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

        async def run_one(call: OperationCall) -> ChangeOutcome:
            async with semaphore:
                if give_up_at is not None and time.monotonic() >= give_up_at:
                    return NOT_BEGUN
                key = call.idempotency_key
                part_key = None if key is None else compute_part_key(call.arguments["uuid"], key)
                try:
                    return await self._run_call(requester, call, part_key, give_up_at)
                except NoAnswerYetError:
                    return _describe_missing_answer(call)
                except Exception as error:  # noqa: BLE001 - it is the outcome of this change only
                    return error

        return await asyncio.gather(*[run_one(each) for each in calls])

    async def _run_call(
        self,
        requester: Requester,
        call: OperationCall,
        key: str | None,
        give_up_at: float | None = None,
    ) -> ChangeResult | Problem:
        user_id = requester.viewer.user_id
        if user_id is None:
            return ANONYMOUS_REFUSAL
        create_unit = partial(self._create_unit, requester)
        change = RestChange(create_unit, requester, call, self._rest_client, give_up_at)
        if key is None:
            return await self._run_change(change)
        digest = compute_digest((call.input_name, call.arguments))
        try:
            raise_problem(find_key_problem(key))
            request_key = RequestKey(user_id, key, digest)
            return await self._keyed_requests.run_change(request_key, change)
        except ChangeRefusedError as error:
            return error.problem

    async def _run_change(self, change: RestChange) -> ChangeResult | Problem:
        """Send a change without an idempotency key."""
        problem = await change.find_problem()
        if problem is not None:
            return problem
        task = self._request_tasks.start_task(change.send_request())
        return (await self._request_tasks.await_task(task, change.give_up_at)).outcome

    def _create_unit(self, requester: Requester) -> UnitOfWork:
        compiler = self._statement_compiler
        access = DryRunAccess(self._database, compiler.installation)
        return UnitOfWork(requester.viewer, access, compiler, uses_rest_api=True)


def _describe_missing_answer(call: OperationCall) -> Unavailable:
    """Return the problem of a request that was sent and not answered in time."""
    has_key = call.idempotency_key is not None
    advice = "repeat it with the same `idempotencyKey`" if has_key else "read the object again"
    return Unavailable(
        message="The time of the request was over before Waldur answered. It may be carried out: "
        f"{advice}.",
        retryable=has_key,
    )

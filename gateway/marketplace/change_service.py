"""Change services: how operations are carried out, in our own marketplace or not at all.

`gateway.rest_api.change_service` has the one that sends them to Waldur's REST API.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from gateway.db.sql.compiler import StatementCompiler
from gateway.marketplace.change_batch import Change, ChangeOutcome, run_changes
from gateway.marketplace.idempotency import expire_keys, run_idempotent, run_idempotent_part
from gateway.marketplace.operation_call import OperationCall
from gateway.marketplace.problems import Problem, Unavailable
from gateway.marketplace.requester import Requester
from gateway.marketplace.unit_of_work import (
    ANONYMOUS_REFUSAL,
    ChangeResult,
    TransactionRunner,
    UnitOfWork,
)

T = TypeVar("T")


class ChangeService(ABC):
    """Service that carries operations out on behalf of requesters."""

    is_enabled = True
    """Whether changes are accepted."""
    uses_rest_api = False
    """Whether Waldur's REST API carries operations out."""
    can_store_attachments = False
    """Whether the attachments of orders are stored, and served, by the gateway."""

    @abstractmethod
    async def run_operation(
        self, requester: Requester, call: OperationCall
    ) -> ChangeResult | Problem:
        """Carry an operation out, once for each idempotency key; return what it led to.

        Raises UnavailableError or TimedOutError if the database can't be used.
        """

    @abstractmethod
    async def run_operations(
        self, requester: Requester, calls: Sequence[OperationCall], give_up_at: float | None
    ) -> list[ChangeOutcome]:
        """Carry operations on different objects out and return what each led to, in order.

        Each is carried out completely or not at all. `give_up_at` is a time of `time.monotonic`
        after which none is begun.
        """

    @abstractmethod
    async def run_check(
        self, requester: Requester, work: Callable[[UnitOfWork], Awaitable[T]]
    ) -> T | Problem:
        """Run work that writes nothing and return its result, or the problem that refused it."""

    @abstractmethod
    def exchange_compiler(
        self, statement_compiler: StatementCompiler, read_only_reason: str
    ) -> None:
        """Use another compiler from now on; with a reason, changes are refused."""


class DisabledChangeService(ChangeService):
    """Service that refuses all operations."""

    is_enabled = False

    def __init__(self, reason: str = "") -> None:
        """Refuse operations for `reason`."""
        self._reason = reason

    async def run_operation(
        self, requester: Requester, _call: OperationCall
    ) -> ChangeResult | Problem:
        """Return why the operation is refused."""
        return self._refuse_requester(requester)

    async def run_operations(
        self, requester: Requester, calls: Sequence[OperationCall], _give_up_at: float | None
    ) -> list[ChangeOutcome]:
        """Return why the operations are refused."""
        return [self._refuse_requester(requester)] * len(calls)

    async def run_check(
        self, requester: Requester, _work: Callable[[UnitOfWork], Awaitable[T]]
    ) -> T | Problem:
        """Return why nothing is checked."""
        return self._refuse_requester(requester)

    def exchange_compiler(
        self, _statement_compiler: StatementCompiler, _read_only_reason: str
    ) -> None:
        """Go on refusing operations."""

    def _refuse_requester(self, requester: Requester) -> Problem:
        if requester.viewer.user_id is None:
            return ANONYMOUS_REFUSAL
        return Unavailable(message=self._reason, retryable=False)


class LocalChangeService(ChangeService):
    """Service that carries operations out in transactions of a marketplace of our own."""

    can_store_attachments = True

    def __init__(self, transaction_runner: TransactionRunner) -> None:
        """Carry operations out by the runner."""
        self._transaction_runner = transaction_runner

    @property
    def is_enabled(self) -> bool:  # type: ignore[override]
        """Whether changes are accepted."""
        return not self._transaction_runner.read_only_reason

    def exchange_compiler(
        self, statement_compiler: StatementCompiler, read_only_reason: str
    ) -> None:
        """Use another compiler from now on; with a reason, changes are refused."""
        self._transaction_runner.statement_compiler = statement_compiler
        self._transaction_runner.read_only_reason = read_only_reason

    async def run_operation(
        self, requester: Requester, call: OperationCall
    ) -> ChangeResult | Problem:
        """Carry an operation out in one transaction."""
        request = (call.input_name, call.arguments)

        def run_once(unit_of_work: UnitOfWork) -> Awaitable[ChangeResult]:
            run_work = partial(call.run_operation, unit_of_work)
            return run_idempotent(unit_of_work, call.idempotency_key, request, run_work)

        return await self._transaction_runner.run_change(requester.viewer, run_once)

    async def run_operations(
        self, requester: Requester, calls: Sequence[OperationCall], give_up_at: float | None
    ) -> list[ChangeOutcome]:
        """Carry operations out in few transactions; see `change_batch`."""
        viewer = requester.viewer
        if any(each.idempotency_key is not None for each in calls):
            await self._transaction_runner.run_change(viewer, expire_keys)
        changes = [_make_change(each) for each in calls]
        return await run_changes(self._transaction_runner, viewer, changes, give_up_at)

    async def run_check(
        self, requester: Requester, work: Callable[[UnitOfWork], Awaitable[T]]
    ) -> T | Problem:
        """Run work that writes nothing in a transaction."""
        return await self._transaction_runner.run_change(requester.viewer, work)


def _make_change(call: OperationCall) -> Change:
    """Return the change of one of many objects, with an idempotency key of its own."""
    key, arguments = call.idempotency_key, dict(call.arguments)
    if key is None:
        return call.run_operation
    uuid = arguments.pop("uuid")
    request = (call.input_name, arguments)
    return lambda unit_of_work: run_idempotent_part(
        unit_of_work, key, uuid, request, partial(call.run_operation, unit_of_work)
    )

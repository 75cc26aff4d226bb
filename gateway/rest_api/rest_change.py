"""A change over Waldur's REST API: an operation that is checked, then sent."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.marketplace.change_batch import NOT_BEGUN
from gateway.marketplace.dry_run import find_dry_run_problem
from gateway.marketplace.operation_call import OperationCall
from gateway.marketplace.problems import ChangeRefusedError, Conflict, InvalidInput, Problem
from gateway.marketplace.requester import Requester
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork
from gateway.rest_api.request_sequence import send_request_sequence
from gateway.rest_api.rest_action import CheckedCall
from gateway.rest_api.rest_client import RestClient
from gateway.rest_api.rest_routes import REST_ROUTES


@dataclass(frozen=True)
class SentChange:
    """What came of a request that was sent, or could not be."""

    outcome: ChangeResult | Problem
    may_be_done: bool = False
    """Whether Waldur may have carried the request out although there is a problem."""


class RestChange:
    """One call of an operation by a requester."""

    def __init__(
        self,
        create_unit: Callable[[], UnitOfWork],
        requester: Requester,
        call: OperationCall,
        rest_client: RestClient,
        give_up_at: float | None = None,
    ) -> None:
        """Check the call on units of work that read by a `DryRunAccess`; send it by a client.

        After `give_up_at`, a time of `time.monotonic`, it is not sent, nor its answer awaited.
        """
        self.call, self.give_up_at = call, give_up_at
        self._create_unit, self._unit_of_work = create_unit, create_unit()
        self._requester = requester
        self._rest_client = rest_client

    async def find_problem(self) -> Problem | None:
        """Return the problem that our own checks find; None if the call can be sent."""
        problem = await find_dry_run_problem(self._unit_of_work, self.call.run_operation)
        if problem is None and self.give_up_at is not None and time.monotonic() >= self.give_up_at:
            return NOT_BEGUN
        return problem

    async def send_request(self) -> SentChange:
        """Send the call, whose checks have passed, and return what came of it.

        Raises TokenRejectedError if Waldur rejects the token, and UnavailableError or
        TimedOutError if the database can't be read after Waldur has accepted the request.
        """
        route = REST_ROUTES[self.call.operation]
        checked_call = CheckedCall(
            self._unit_of_work, self.call.arguments, self._rest_client.api_url
        )
        try:
            request = await route.build_request(checked_call)
        except ChangeRefusedError as error:
            return SentChange(error.problem)
        try:
            outcome = await send_request_sequence(
                self._rest_client, self._requester, self._unit_of_work, request
            )
            if outcome.problem is not None and outcome.may_be_done:
                return SentChange(outcome.problem, may_be_done=True)
            if outcome.problem is not None:
                return SentChange(await self._refine_problem(outcome.problem))
            assert outcome.answer is not None
            return SentChange(await route.load_result(checked_call, outcome.answer))
        except ChangeRefusedError as error:  # after Waldur has accepted the request
            return SentChange(error.problem, may_be_done=True)

    async def _refine_problem(self, problem: Problem) -> Problem:
        """Return our own problem if our checks find one now, which has the state, for example.

        The object may have changed since the first dry run, and Waldur answers only a text.
        """
        if not isinstance(problem, (Conflict, InvalidInput)):
            return problem
        return await find_dry_run_problem(self._create_unit(), self.call.run_operation) or problem

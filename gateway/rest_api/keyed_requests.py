"""Requests with an idempotency key: each is sent to Waldur once.

is the same request under way in this process? ── yes ──> wait for it
  │ no
is the key claimed? ── with a result ───────────────────> that result
  │ no   │ without one: its answer was lost, or another process is sending it
  │      └── did an order come of it? ── yes ───────────> it is the result
  │                  │ no            └── uncertain ─────> Conflict
  │                  │ the claim is new ────────────────> Unavailable: repeat it later
  │<── release it ───┘ the claim is old
dry run ── problem ─────────────────────────────────────> the problem
  │
claim the key, send the request, settle or release it
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from math import ceil
from typing import TypeAlias

from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.queries.claimed_orders import SELECT_CLAIMED_ORDERS
from gateway.marketplace.idempotency import KEY_REUSE
from gateway.marketplace.operation_call import OperationCall
from gateway.marketplace.problems import Problem, Unavailable
from gateway.marketplace.unit_of_work import ChangeResult
from gateway.rest_api.errors import TokenRejectedError
from gateway.rest_api.key_claims import KeyClaim, KeyClaims, RequestKey
from gateway.rest_api.lost_answers import ORDER_TRACES, ClaimedOrder, find_lost_result
from gateway.rest_api.request_tasks import RequestTasks
from gateway.rest_api.rest_change import RestChange

log = logging.getLogger(__name__)
KeyedOutcome: TypeAlias = ChangeResult | Problem


@dataclass(frozen=True)
class _RunningRequest:
    """A request of this process that is under way."""

    digest: str
    task: asyncio.Task[KeyedOutcome]


class KeyedRequests:
    """The requests of a process that have idempotency keys."""

    def __init__(
        self, key_claims: KeyClaims, request_tasks: RequestTasks, *, resend_seconds: float
    ) -> None:
        """Store claims in a database and send requests in tasks.

        `resend_seconds` is the age of a claim at which its request has ended in Waldur, too: it may
        be sent again.
        """
        self._key_claims, self._request_tasks = key_claims, request_tasks
        self._resend_seconds = resend_seconds
        self._running: dict[tuple[int, str], _RunningRequest] = {}

    async def run_change(self, request_key: RequestKey, change: RestChange) -> KeyedOutcome:
        """Send a change, or return what came of it before.

        Raises ChangeRefusedError if keys can't be stored, or if it is not certain what came of the
        first request, and NoAnswerYetError if there is no time for the answer.
        """
        earlier_outcome = await self._find_earlier(request_key, change)
        if earlier_outcome is not None:
            return earlier_outcome
        problem = await change.find_problem()
        if problem is not None:  # as when the same request was carried out meanwhile
            return await self._find_earlier(request_key, change) or problem
        return await self._join_request(request_key, change)

    async def _find_earlier(
        self, request_key: RequestKey, change: RestChange
    ) -> KeyedOutcome | None:
        """Return the outcome of an earlier request with the same key; None without one."""
        running = self._running.get(request_key.identity)
        if running is not None:
            return await self._await_running(running, request_key, change)
        return await self._find_claimed(request_key, change.call)

    async def _join_request(self, request_key: RequestKey, change: RestChange) -> KeyedOutcome:
        """Send a request in a task, unless it is under way already, and wait for its outcome."""
        identity = request_key.identity
        running = self._running.get(identity)
        if running is None:
            task = self._request_tasks.start_task(self._send_claimed(request_key, change))
            running = self._running[identity] = _RunningRequest(request_key.digest, task)
            task.add_done_callback(lambda _: self._running.pop(identity))
        return await self._await_running(running, request_key, change)

    async def _await_running(
        self, running: _RunningRequest, request_key: RequestKey, change: RestChange
    ) -> KeyedOutcome:
        if running.digest != request_key.digest:
            return KEY_REUSE
        return await self._request_tasks.await_task(running.task, change.give_up_at)

    async def _find_claimed(
        self, request_key: RequestKey, call: OperationCall
    ) -> KeyedOutcome | None:
        """Return the outcome of a claimed key; None if its request may be sent."""
        claim = await self._key_claims.find_claim(request_key)
        if claim is None:
            return None
        if claim.digest != request_key.digest:
            return KEY_REUSE
        return claim.result or await self._resolve_claim(claim, call)

    async def _resolve_claim(self, claim: KeyClaim, call: OperationCall) -> KeyedOutcome | None:
        """Return what came of a claim without a result; release it if nothing did."""
        rows = await self._key_claims.run_statement(
            SELECT_CLAIMED_ORDERS, id=claim.id, type=ORDER_TRACES[call.operation].type
        )
        result = find_lost_result(call, [ClaimedOrder(*each) for each in rows])
        if result is not None:
            await self._key_claims.settle_claim(claim.id, result)
            return result
        if claim.age_seconds < self._resend_seconds:
            return _describe_wait(self._resend_seconds - claim.age_seconds)
        await self._key_claims.release_claim(claim.id)
        return None

    async def _send_claimed(self, request_key: RequestKey, change: RestChange) -> KeyedOutcome:
        """Claim the key, send the request, and store what came of it."""
        claim_id = await self._key_claims.claim_key(request_key)
        if claim_id is None:  # by another process meanwhile
            claimed_outcome = await self._find_claimed(request_key, change.call)
            return claimed_outcome or _describe_wait(self._resend_seconds)
        try:
            sent = await change.send_request()
        except TokenRejectedError:
            await self._key_claims.release_claim(claim_id)
            raise
        if sent.may_be_done:
            assert isinstance(sent.outcome, Problem)
            return _describe_loss(sent.outcome)
        try:
            await self._store_outcome(claim_id, sent.outcome)
        except (UnavailableError, TimedOutError) as error:
            log.warning("An idempotency key keeps its claim: %s", error)
        return sent.outcome

    async def _store_outcome(self, claim_id: int, outcome: KeyedOutcome) -> None:
        if isinstance(outcome, Problem):
            await self._key_claims.release_claim(claim_id)
        else:
            await self._key_claims.settle_claim(claim_id, outcome)


def _describe_wait(seconds: float) -> Unavailable:
    return Unavailable(
        message="The first request with this `idempotencyKey` is under way, or its answer was "
        f"lost: repeat it. If nothing comes of it in {ceil(seconds)} seconds, it is sent again.",
        retryable=True,
    )


def _describe_loss(problem: Problem) -> Problem:
    """Return the problem of a request that may have been carried out: its key finds out."""
    return replace(problem, retryable=True) if isinstance(problem, Unavailable) else problem

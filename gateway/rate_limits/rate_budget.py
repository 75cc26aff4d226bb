"""Rate budget: what the operations of a client may cost in a minute."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from gateway.rate_limits.cost_window import WINDOW_SECONDS, CostWindow
from gateway.rate_limits.errors import RateLimitedError

SHARES_PER_BUDGET = 20
"""A share is the part of its budget that a client takes from the window at once."""
MAX_ALLOWANCES = 20_000
"""Maximum number of clients whose shares are remembered; the oldest is forgotten."""


@dataclass(slots=True)
class _Allowance:
    """What a client may still use of its share, or how long it has to wait."""

    remaining: int = 0
    expires_at: float = -inf
    """Until when `remaining` is valid."""
    refused_cost: float = inf
    """The least cost that was refused since the last time there was room."""
    retry_at: float = -inf
    """Until when `refused_cost` and more is refused."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the window is asked, so that concurrent operations share a share."""

    def has_cost(self, cost: int, now: float) -> bool:
        """Return whether there is enough left."""
        return self.remaining >= cost and now < self.expires_at

    def take_cost(self, cost: int, now: float) -> bool:
        """Subtract the cost of an operation if there is enough left."""
        if not self.has_cost(cost, now):
            return False
        self.remaining -= cost
        return True


class RateBudget:
    r"""The budgets of one kind of clients: users, or addresses.

    A client takes a share of its budget from the window (`CostWindow`) at once. Its operations
    are then charged in memory, which costs a dictionary look-up, and Redis is asked rarely:

        charge_cost -- the rest of the share suffices --------------> charged
          |  \-- a refused cost, still within its waiting time -----> RateLimitedError
          v
        CostWindow -- room for a share, or for this operation -----> charged, rest remembered
          \-- no room --> the waiting time is remembered ----------> RateLimitedError

    So a client may use its budget up to one share later or earlier in each process, and
    the rest of a share is lost after a minute. An operation that costs more than the
    budget uses all of it.
    """

    def __init__(
        self,
        name: str,
        holder: str,
        window: CostWindow,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Charge operations to `window`; messages call a client `holder`, with an article."""
        self.name, self._holder, self.window, self._clock = name, holder, window, clock
        self._share = window.limit // SHARES_PER_BUDGET
        self._allowances: dict[int | str, _Allowance] = {}
        self.charged_count = self.refused_count = 0
        """Numbers of operations that were charged, and that were refused."""

    def charge_share(self, client: int | str, cost: int) -> bool:
        """Charge a cost to the rest of the client's share; return False if that is too small."""
        allowance = self._allowances.get(client)
        if allowance is None or not allowance.take_cost(cost, self._clock()):
            return False
        self.charged_count += 1
        return True

    def check_client(self, client: int | str, cost: int) -> None:
        """Raise RateLimitedError if it is known that the client can't be charged a cost."""
        allowance = self._allowances.get(client)
        if allowance is not None and not allowance.has_cost(cost, self._clock()):
            try:
                self._check_refusal(allowance, cost)
            except RateLimitedError:
                self.refused_count += 1
                raise

    async def charge_cost(self, client: int | str, cost: int) -> None:
        """Charge the cost of an operation. Raises RateLimitedError if the budget is used up."""
        if self.charge_share(client, cost):
            return
        try:
            await self._charge_window(client, min(cost, self.window.limit))
        except RateLimitedError:
            self.refused_count += 1
            raise
        self.charged_count += 1

    async def _charge_window(self, client: int | str, cost: int) -> None:
        allowance = self._allowances.get(client) or self._add_allowance(client)
        self._check_refusal(allowance, cost)
        async with allowance.lock:
            if allowance.take_cost(cost, self._clock()):
                return
            self._check_refusal(allowance, cost)
            granted_cost = await self._take_share(str(client), cost)
            if granted_cost == 0:
                await self._refuse_cost(allowance, str(client), cost)
            allowance.remaining = granted_cost - cost
            allowance.expires_at = self._clock() + WINDOW_SECONDS
            allowance.refused_cost, allowance.retry_at = inf, -inf
            self._allowances.pop(client, None)
            self._allowances[client] = allowance  # as the newest one

    def _add_allowance(self, client: int | str) -> _Allowance:
        if len(self._allowances) >= MAX_ALLOWANCES:
            del self._allowances[next(iter(self._allowances))]
        allowance = self._allowances[client] = _Allowance()
        return allowance

    def _check_refusal(self, allowance: _Allowance, cost: int) -> None:
        """Raise RateLimitedError if no less was refused, and its waiting time is not over."""
        wait = allowance.retry_at - self._clock()
        if wait > 0 and cost >= allowance.refused_cost:
            raise self._create_error(cost, int(wait) + 1)

    async def _take_share(self, client: str, cost: int) -> int:
        """Take a share or, without room for it, `cost`; return how much, 0 without room."""
        if cost < self._share and await self.window.add_cost(client, self._share):
            return self._share
        return cost if await self.window.add_cost(client, cost) else 0

    async def _refuse_cost(self, allowance: _Allowance, client: str, cost: int) -> None:
        """Remember the waiting time of a cost and raise RateLimitedError."""
        wait = await self.window.compute_wait_seconds(client, cost)
        if self._clock() >= allowance.retry_at or cost < allowance.refused_cost:
            allowance.refused_cost, allowance.retry_at = cost, self._clock() + wait
        raise self._create_error(cost, wait)

    def _create_error(self, cost: int, wait: int) -> RateLimitedError:
        return RateLimitedError(
            f"The operations of {self._holder} may cost at most {self.window.limit} a minute;"
            f" there is not enough left for a cost of {cost}.",
            wait,
            (self.name, self.window.limit),
        )

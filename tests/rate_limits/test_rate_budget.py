"""Rate budgets: shares, refusals that are remembered, bounds, errors."""

import asyncio
from typing import Any

import pytest

from gateway.rate_limits import rate_budget
from gateway.rate_limits.cost_window import CostWindow
from gateway.rate_limits.errors import RateLimitedError
from gateway.rate_limits.rate_budget import RateBudget
from tests.rate_limits.clock import BudgetClock
from tests.support.redis_server import needs_redis, run_redis


class CountingWindow(CostWindow):
    """A window that counts its calls."""

    call_count = 0

    async def _call(self, method: Any) -> Any:
        self.call_count += 1
        return await super()._call(method)


def create_budget(clock: BudgetClock, limit: int) -> tuple[RateBudget, CountingWindow]:
    """Return a budget in memory and its window."""
    window = CountingWindow("user", limit, "memory")
    return RateBudget("user", "a user", window, clock.current_time), window


async def count_charges(budget: RateBudget, client: str | int, cost: int) -> int:
    """Charge a cost until it is refused; return how often it was not."""
    count = 0
    while True:
        try:
            await budget.charge_cost(client, cost)
        except RateLimitedError:
            return count
        count += 1


async def test_budget_is_used_up_exactly(clock: BudgetClock) -> None:
    budget, window = create_budget(clock, 10_000)
    assert await count_charges(budget, 1, 100) == 100
    assert await count_charges(budget, 2, 100) == 100
    assert (budget.charged_count, budget.refused_count) == (200, 2)
    assert window.call_count == 2 * (20 + 3)  # shares; no share, no cost, the waiting time


async def test_refusals_are_remembered(clock: BudgetClock) -> None:
    budget, window = create_budget(clock, 10_000)
    await budget.charge_cost(1, 9950)
    assert await count_charges(budget, 1, 100) == 0
    call_count = window.call_count
    assert await count_charges(budget, 1, 100) == await count_charges(budget, 1, 5000) == 0
    assert window.call_count == call_count
    await budget.charge_cost(1, 50)  # less than what was refused
    with pytest.raises(RateLimitedError) as caught:
        await budget.charge_cost(1, 100)
    retry_after = caught.value.public_extensions["retryAfter"]
    assert 60 <= retry_after <= 62
    clock.now += retry_after
    await budget.charge_cost(1, 100)


async def test_error_names_limit_and_waiting_time(clock: BudgetClock) -> None:
    budget, _ = create_budget(clock, 1000)
    await budget.charge_cost(1, 1000)
    with pytest.raises(RateLimitedError) as caught:
        await budget.charge_cost(1, 100)
    assert str(caught.value) == (
        "The operations of a user may cost at most 1000 a minute; there is not enough left for a"
        " cost of 100. Try again in 66 seconds."
    )
    assert caught.value.public_extensions == {"retryAfter": 66}
    assert caught.value.headers == {
        "Retry-After": "66",
        "RateLimit-Policy": '"user";q=1000;w=60;qu="cost"',
        "RateLimit": '"user";r=0;t=66',
    }


async def test_operation_above_the_budget_uses_all_of_it(clock: BudgetClock) -> None:
    budget, _ = create_budget(clock, 1000)
    await budget.charge_cost(1, 50_000)
    assert await count_charges(budget, 1, 1) == 0
    clock.now += 120
    await budget.charge_cost(1, 50_000)


async def test_rest_of_a_share_is_lost_after_a_minute(clock: BudgetClock) -> None:
    budget, window = create_budget(clock, 10_000)
    await budget.charge_cost(1, 100)
    clock.now += 59
    await budget.charge_cost(1, 100)
    assert window.call_count == 1
    clock.now += 1
    await budget.charge_cost(1, 100)
    assert window.call_count == 2


async def test_number_of_allowances_is_bounded(
    clock: BudgetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_budget, "MAX_ALLOWANCES", 100)
    budget, _ = create_budget(clock, 10_000)
    for client in range(1000):
        await budget.charge_cost(client, 100)
    assert len(budget._allowances) == 100


@needs_redis
async def test_concurrent_operations_take_one_share() -> None:
    with run_redis() as redis:
        window = CountingWindow("user", 200_000, redis.url)
        budget = RateBudget("user", "a user", window)
        await asyncio.gather(*[budget.charge_cost(1, 100) for _ in range(100)])
        assert (window.call_count, budget.charged_count) == (1, 100)
        await window.close()


async def test_known_refusals_are_checked_without_a_charge(clock: BudgetClock) -> None:
    budget, window = create_budget(clock, 10_000)
    budget.check_client(1, 100)
    await budget.charge_cost(1, 9900)
    assert await count_charges(budget, 1, 200) == 0
    budget.check_client(1, 100)
    assert await count_charges(budget, 1, 100) == 1
    call_count = window.call_count
    with pytest.raises(RateLimitedError):
        budget.check_client(1, 100)
    budget.check_client(2, 100)
    assert window.call_count == call_count
    clock.now += 120
    budget.check_client(1, 100)

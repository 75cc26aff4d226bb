"""The clock of budgets and windows."""

import time

import pytest

from tests.rate_limits.clock import BudgetClock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> BudgetClock:
    """Return a clock that the library `limits` uses, too."""
    budget_clock = BudgetClock()
    monkeypatch.setattr(time, "time", budget_clock.current_time)
    return budget_clock

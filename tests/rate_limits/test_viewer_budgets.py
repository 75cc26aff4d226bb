"""Budgets of viewers: prices of documents, kinds of clients."""

import pytest

from gateway.db.access.viewer import Viewer
from gateway.rate_limits.errors import RateLimitedError
from gateway.rate_limits.viewer_budgets import (
    MAX_DOCUMENT_PRICE,
    ViewerBudgets,
    compute_document_price,
)
from tests.rate_limits.clock import BudgetClock

LIMIT = 250_000


@pytest.mark.parametrize(
    ("length", "price"), [(0, 1000), (500, 1000), (501, 1002), (100_000, 200_000), (10**6, 200_000)]
)
def test_price_of_a_document(length: int, price: int) -> None:
    assert compute_document_price("x" * length) == price
    assert price <= MAX_DOCUMENT_PRICE < LIMIT


async def test_users_and_networks_have_budgets_of_their_own(clock: BudgetClock) -> None:
    budgets = ViewerBudgets(LIMIT, LIMIT, "memory")
    await budgets.charge_viewer(Viewer(user_id=1), "192.0.2.1", LIMIT)
    for viewer, address in (
        (Viewer(user_id=2), "192.0.2.1"),
        (Viewer(), "192.0.2.1"),
        (Viewer(), "2001:db8::1"),
        (Viewer(), None),
    ):
        await budgets.charge_viewer(viewer, address, LIMIT)
        with pytest.raises(RateLimitedError):
            await budgets.charge_viewer(viewer, address, 1)
        assert not budgets.charge_share(viewer, address, 1)
    with pytest.raises(RateLimitedError):
        await budgets.charge_viewer(Viewer(user_id=1), "192.0.2.9", 1)
    for address in ("192.0.2.1", "2001:db8::ffff", None):
        with pytest.raises(RateLimitedError, match="all anonymous clients of an address"):
            budgets.check_anonymous(address)
    budgets.check_anonymous("192.0.2.2")


async def test_budgets_that_are_off_charge_nothing() -> None:
    budgets = ViewerBudgets(None, None, "memory")
    for viewer in (Viewer(user_id=1), Viewer()):
        assert budgets.charge_share(viewer, None, 10**12)
        await budgets.charge_viewer(viewer, None, 10**12)
    budgets.check_anonymous(None)
    assert budgets.budgets == []
    await budgets.close()

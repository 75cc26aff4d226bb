"""Budgets of viewers: users have one each, anonymous viewers one for each network.

What is sent as an impersonated user is charged to the impersonator.
"""

from gateway.db.access.viewer import Viewer
from gateway.rate_limits.client_key import get_client_network, identify_client
from gateway.rate_limits.cost_window import CostWindow
from gateway.rate_limits.rate_budget import RateBudget

OPERATION_PRICE = 100
"""What each operation is charged in addition to its cost: authentication, HTTP, statements."""
BUILD_PRICE = 100
"""What a statement that is compiled, and each step of a plan that is built, is charged."""
CHARACTER_PRICE, MIN_DOCUMENT_PRICE, MAX_DOCUMENT_PRICE = 2, 1000, 200_000
"""What parsing and validating a document is charged: for each character, at least, at most."""


def compute_document_price(text: str) -> int:
    """Return what parsing and validating a document is charged, valid or not."""
    return min(max(MIN_DOCUMENT_PRICE, CHARACTER_PRICE * len(text)), MAX_DOCUMENT_PRICE)


class ViewerBudgets:
    """The budgets of all viewers."""

    def __init__(
        self, user_limit: int | None, anonymous_limit: int | None, storage_url: str
    ) -> None:
        """Limit the cost a minute; None is unlimited. `storage_url` is as in `CostWindow`."""
        self._user_budget = _create_budget("user", "a user", user_limit, storage_url)
        self._anonymous_budget = _create_budget(
            "anonymous", "all anonymous clients of an address", anonymous_limit, storage_url
        )

    @property
    def budgets(self) -> list[RateBudget]:
        """The budgets that are limited."""
        both = (self._user_budget, self._anonymous_budget)
        return [each for each in both if each is not None]

    def check_anonymous(self, address: str | None) -> None:
        """Raise RateLimitedError if it is known that an address has used up its budget."""
        if self._anonymous_budget is not None:
            self._anonymous_budget.check_client(get_client_network(address), OPERATION_PRICE)

    def charge_share(self, viewer: Viewer, address: str | None, cost: int) -> bool:
        """Charge a cost at once, which most operations can; return False if that is not possible.

        Then `charge_viewer` has to be awaited.
        """
        budget: RateBudget | None
        client: int | str
        if viewer.sender_id is not None:
            budget, client = self._user_budget, viewer.sender_id
        else:
            budget, client = self._anonymous_budget, get_client_network(address)
        return budget is None or budget.charge_share(client, cost)

    async def charge_viewer(self, viewer: Viewer, address: str | None, cost: int) -> None:
        """Charge a cost to a viewer. Raises RateLimitedError if the budget is used up."""
        budget = self._anonymous_budget if viewer.user_id is None else self._user_budget
        if budget is not None:
            await budget.charge_cost(identify_client(viewer, address), cost)

    async def close(self) -> None:
        """Close the connections to Redis."""
        for budget in self.budgets:
            await budget.window.close()


def _create_budget(
    name: str, holder: str, limit: int | None, storage_url: str
) -> RateBudget | None:
    if limit is None:
        return None
    return RateBudget(name, holder, CostWindow(name, limit, storage_url))

"""The states of resources and orders, and what orders are for (domain.md §2.1, §2.3, §2.4).

They are published as they stand here; the sentences are written for clients.
"""

from collections.abc import Iterable
from enum import Enum
from typing import TypeVar

from gateway.marketplace.problems import Problem, WrongState

S = TypeVar("S", bound=Enum)


class ResourceState(Enum):
    """Where a resource is in its life."""

    CREATING = 1
    """It is being made."""
    OK = 2
    """It can be used."""
    ERRED = 3
    """Something went wrong."""
    UPDATING = 4
    """It is being changed, or a change waits for approval."""
    TERMINATING = 5
    """It is being removed, or its removal waits for approval."""
    TERMINATED = 6
    """It is gone; its record stays."""


class OrderState(Enum):
    """Where an order is in its life."""

    PENDING_CONSUMER = 1
    """It waits for the approval of those who pay for it."""
    EXECUTING = 2
    """It is being carried out."""
    DONE = 3
    """It was carried out."""
    ERRED = 4
    """It failed."""
    CANCELED = 5
    """It was called off."""
    REJECTED = 6
    """It was refused."""
    PENDING_PROVIDER = 7
    """It waits for the approval of the provider."""
    PENDING_PROJECT = 8
    """It waits for its project to start."""
    PENDING_START_DATE = 9
    """It waits for the day it is to start."""


class OrderType(Enum):
    """What an order asks for."""

    CREATE = 1
    """A new resource."""
    UPDATE = 2
    """A change of a resource: its limits, plan, options or end."""
    TERMINATE = 3
    """The end of a resource."""
    RESTORE = 4
    """A terminated resource back."""


PENDING_ORDER_STATES = (
    OrderState.PENDING_CONSUMER,
    OrderState.PENDING_PROVIDER,
    OrderState.PENDING_PROJECT,
    OrderState.PENDING_START_DATE,
)
"""The states of orders that nobody has begun to carry out."""
OPEN_ORDER_STATES = (*PENDING_ORDER_STATES, OrderState.EXECUTING)
"""The states of orders that are not over: what can be called off (domain.md §6.4)."""


def check_state(
    state_type: type[S], state: int, allowed_states: Iterable[S], subject: str
) -> Problem | None:
    """Give the problem of a thing whose state is not among those allowed."""
    current_state, allowed_names = state_type(state), [each.name for each in allowed_states]
    if current_state.name in allowed_names:
        return None
    return WrongState(
        message=f"The {subject} is in state {current_state.name}; it must be {' or '.join(allowed_names)}.",
        state=current_state.name,
        allowed=allowed_names,
    )

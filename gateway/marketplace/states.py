"""States of resources and orders, and types of orders (domain.md §2.1, §2.3, §2.4).

The enums are published in the GraphQL schema; their docstrings are its descriptions.
"""

from collections.abc import Iterable
from enum import Enum
from typing import TypeVar

from gateway.marketplace.problems import Problem, WrongState

S = TypeVar("S", bound=Enum)


class ResourceState(Enum):
    """Lifecycle state of a resource."""

    CREATING = 1
    """The resource is being created, or its creation waits for approval."""
    OK = 2
    """The resource is ready for use."""
    ERRED = 3
    """The last operation on the resource failed."""
    UPDATING = 4
    """The resource is being updated, or an update waits for approval."""
    TERMINATING = 5
    """The resource is being terminated, or its termination waits for approval."""
    TERMINATED = 6
    """The resource was terminated; its record remains."""


class OrderState(Enum):
    """Lifecycle state of an order."""

    PENDING_CONSUMER = 1
    """The order waits for approval by the consumer: the project or its organisation."""
    EXECUTING = 2
    """The order is approved and is being carried out."""
    DONE = 3
    """The order was carried out."""
    ERRED = 4
    """The order failed."""
    CANCELED = 5
    """The order was cancelled."""
    REJECTED = 6
    """The order was rejected by the consumer or the provider."""
    PENDING_PROVIDER = 7
    """The order waits for approval by the provider."""
    PENDING_PROJECT = 8
    """The order waits for the start date of its project."""
    PENDING_START_DATE = 9
    """The order waits for its own start date."""


class OrderType(Enum):
    """Operation that an order requests."""

    CREATE = 1
    """Create a resource."""
    UPDATE = 2
    """Update a resource: its limits, plan, options or end date."""
    TERMINATE = 3
    """Terminate a resource."""
    RESTORE = 4
    """Restore a terminated resource."""


PENDING_ORDER_STATES = (
    OrderState.PENDING_CONSUMER,
    OrderState.PENDING_PROVIDER,
    OrderState.PENDING_PROJECT,
    OrderState.PENDING_START_DATE,
)
"""States of orders whose execution has not started."""
OPEN_ORDER_STATES = (*PENDING_ORDER_STATES, OrderState.EXECUTING)
"""States of unfinished orders, which can be cancelled (domain.md §6.4)."""


def check_state(
    state_type: type[S], state: int, allowed_states: Iterable[S], subject: str
) -> Problem | None:
    """Return a `WrongState` problem if a state is not allowed; None if it is."""
    current_state, allowed_names = state_type(state), [each.name for each in allowed_states]
    if current_state.name in allowed_names:
        return None
    requirement = f"it must be {' or '.join(allowed_names)}"
    return WrongState(
        message=f"The {subject} is in state {current_state.name}; {requirement}.",
        state=current_state.name,
        allowed=allowed_names,
    )

"""Checks of the states of resources and orders (domain.md §4.3)."""

from collections.abc import Iterable
from enum import Enum
from typing import TypeVar

from gateway.marketplace.problems import WrongState

S = TypeVar("S", bound=Enum)


def check_state(
    state_type: type[S], state: int, allowed_states: Iterable[S], subject: str
) -> WrongState | None:
    """Return a `WrongState` problem unless a state is allowed.

    The name of a stored state that its enum does not have is UNKNOWN.
    """
    allowed_names = [each.name for each in allowed_states]
    current_name = next((each.name for each in state_type if each.value == state), "UNKNOWN")
    if current_name in allowed_names:
        return None
    requirement = f"it must be {' or '.join(allowed_names)}"
    return WrongState(
        message=f"The {subject} is in state {current_name}; {requirement}.",
        state=current_name,
        allowed=allowed_names,
    )

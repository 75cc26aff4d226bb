"""Checks of the states of resources and orders (domain.md §4.3)."""

from collections.abc import Iterable
from enum import Enum
from typing import TypeVar

from gateway.marketplace.problems import Problem, WrongState

S = TypeVar("S", bound=Enum)


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

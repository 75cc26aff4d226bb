"""Why the marketplace refuses something, as values: what whoever asks can put right.

`schema.problems` publishes these; their docstrings are what clients read.
"""

from dataclasses import dataclass
from enum import Enum

MAX_INVALID_FIELDS = 10
"""So many values are named of those that can't be taken."""


@dataclass(kw_only=True)
class Problem:
    """Why what was asked for can't be done, and what would help."""

    message: str
    """What is wrong, for people to read."""


@dataclass(kw_only=True)
class NotPermitted(Problem):
    """The viewer may not do this; somebody with another role may."""


@dataclass(kw_only=True)
class InvalidField:
    """A value that was given, and can't be taken."""

    path: list[str]
    """Where the value stands: the argument, and what leads to it from there."""
    message: str
    """What is wrong with it, for people to read."""


@dataclass(kw_only=True)
class InvalidInput(Problem):
    """Some values that were given can't be taken; the first ten are named."""

    fields: list[InvalidField]
    """The values, each with what is wrong with it."""


@dataclass(kw_only=True)
class RenewalRule:
    """By how many months a component that is paid for in advance can be renewed."""

    component: str
    """The component's type."""
    min: int | None
    """The least months; null if there is no bound."""
    max: int | None
    """The most months; null if there is no bound."""
    step: int | None
    """The months go up in steps of this, from the least or else from 0; null if any number goes."""


@dataclass(kw_only=True)
class InvalidMonths(Problem):
    """A resource can't be renewed by that many months."""

    rules: list[RenewalRule]
    """The rules that the months break; there may be others, which they meet."""


@dataclass(kw_only=True)
class NotFound(Problem):
    """There is no such thing, or the viewer does not see it."""


@dataclass(kw_only=True)
class WrongState(Problem):
    """The state of a resource, or of an order, does not allow this."""

    state: str
    """The present state."""
    allowed: list[str]
    """The states that do."""


class Reason(Enum):
    """Which rule of the marketplace is in the way."""

    CUSTOMER_BLOCKED = "customer_blocked"
    """The organisation is blocked."""
    CUSTOMER_ARCHIVED = "customer_archived"
    """The organisation is archived."""
    PROJECT_ENDED = "project_ended"
    """The project has ended."""
    OFFERING_UNAVAILABLE = "offering_unavailable"
    """The offering is not available at present."""
    OFFERING_CLOSED = "offering_closed"
    """The offering takes no orders: it is neither active nor paused."""
    OFFERING_RESTRICTED = "offering_restricted"
    """The offering is for other organisations."""
    ORDER_PENDING = "order_pending"
    """Another order of the resource is not carried out yet."""
    NOT_PREPAID = "not_prepaid"
    """Only what is paid for in advance can be renewed."""
    PREPAID = "prepaid"
    """The end of what is paid for in advance changes by renewals only."""
    NO_BACKEND_ID = "no_backend_id"
    """The backend does not know the resource yet."""
    PULL_UNSUPPORTED = "pull_unsupported"
    """The plugin of the offering can't pull."""
    LIMITS_FIXED = "limits_fixed"
    """The plugin of the offering can't change limits."""
    NO_OPTIONS = "no_options"
    """The offering has no options for its resources."""
    INVOICE_CLOSED = "invoice_closed"
    """What the resource costs stands on an invoice that does not change any more."""
    ORDERS_FIXED = "orders_fixed"
    """The plugin of the offering can't call off orders."""


@dataclass(kw_only=True)
class NotPossible(Problem):
    """A rule of the marketplace is in the way."""

    reason: Reason
    """Which."""


@dataclass(kw_only=True)
class Conflict(Problem):
    """The thing was changed since it was looked at, or the key stands for something else."""


@dataclass(kw_only=True)
class Unavailable(Problem):
    """Changes can't be made here."""

    retryable: bool
    """Whether the same may work later."""


class ChangeRefusedError(Exception):
    """Ends a change, of which nothing stays; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        """Refuse because of a problem."""
        super().__init__(problem.message)
        self.problem = problem


def raise_problem(problem: Problem | None) -> None:
    """Raise RefusedError if there is a problem."""
    if problem is not None:
        raise ChangeRefusedError(problem)


def build_invalid_input(*path: str, message: str) -> InvalidInput:
    """Give the problem of a single value."""
    return combine_invalid_fields(InvalidField(path=[*path], message=message))


def combine_invalid_fields(first_field: InvalidField, *other_fields: InvalidField) -> InvalidInput:
    """Give the problem of some values."""
    message = f"{'.'.join(first_field.path)}: {first_field.message}"
    return InvalidInput(message=message, fields=[first_field, *other_fields][:MAX_INVALID_FIELDS])

"""Problems: reasons for refusing an operation that the client can correct, as plain values.

`schema.types.problems` publishes them; the docstrings of the classes and their fields are the
GraphQL descriptions. All other failures are exceptions.
"""

from dataclasses import dataclass
from enum import Enum

MAX_INVALID_FIELDS = 10
"""Number of invalid values that one `InvalidInput` lists at most."""
_MAX_CITED_NUMBER = 10**18
"""Numbers below it are cited in messages."""
_JSON_TYPE_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number out of range",
    float: "a number out of range",
    str: "a string",
    list: "a list",
    dict: "an object",
}


@dataclass(kw_only=True)
class Problem:
    """Reason why an operation was refused; nothing was changed."""

    message: str
    """Human-readable explanation."""


@dataclass(kw_only=True)
class NotPermitted(Problem):
    """The viewer lacks the permission, or has not accepted the offering's terms of service."""


@dataclass(kw_only=True)
class InvalidField:
    """An invalid value in the input."""

    path: list[str]
    """Path of the value: the argument or input field, then the keys inside its value."""
    message: str
    """Human-readable explanation."""


@dataclass(kw_only=True)
class InvalidInput(Problem):
    """One or more values of the input are invalid."""

    fields: list[InvalidField]
    """The invalid values, at most 10."""


@dataclass(kw_only=True)
class RenewalRule:
    """Numbers of months by which a prepaid component can be renewed."""

    component: str
    """The component's type."""
    min: int | None
    """Minimum number of months; null without a minimum."""
    max: int | None
    """Maximum number of months; null without a maximum."""
    step: int | None
    """Step in months, counted from `min` or, without it, from 0; null if there is no step."""


@dataclass(kw_only=True)
class InvalidMonths(Problem):
    """The number of months breaks the renewal rules of prepaid components."""

    rules: list[RenewalRule]
    """The broken rules, one for each component; rules that are met are not listed."""


@dataclass(kw_only=True)
class NotFound(Problem):
    """The object does not exist, or the viewer is not allowed to see it."""


@dataclass(kw_only=True)
class WrongState(Problem):
    """The state of the resource or order does not allow the operation."""

    state: str
    """The current state."""
    allowed: list[str]
    """The states in which the operation is allowed."""


class Reason(Enum):
    """Rule of the marketplace that forbids an operation."""

    CUSTOMER_BLOCKED = "customer_blocked"
    """The organisation is blocked."""
    CUSTOMER_ARCHIVED = "customer_archived"
    """The organisation is archived."""
    PROJECT_ENDED = "project_ended"
    """The project has ended, including its grace period."""
    OFFERING_UNAVAILABLE = "offering_unavailable"
    """The offering is in state unavailable."""
    OFFERING_CLOSED = "offering_closed"
    """The offering accepts no orders: it is neither active nor paused."""
    OFFERING_RESTRICTED = "offering_restricted"
    """The offering is restricted to other organisations."""
    ORDER_PENDING = "order_pending"
    """Another order of the resource is still open."""
    NOT_PREPAID = "not_prepaid"
    """The resource is not prepaid; only prepaid resources can be renewed."""
    PREPAID = "prepaid"
    """The resource is prepaid; only a renewal changes its end date."""
    NO_BACKEND_ID = "no_backend_id"
    """The resource has no backend id yet."""
    PULL_UNSUPPORTED = "pull_unsupported"
    """The offering's plugin does not support pulling."""
    LIMITS_FIXED = "limits_fixed"
    """The offering's plugin does not support changing limits."""
    NO_OPTIONS = "no_options"
    """The offering defines no options for its resources."""
    INVOICE_CLOSED = "invoice_closed"
    """The target organisation's invoice for the month is no longer pending."""
    ORDERS_FIXED = "orders_fixed"
    """The offering's plugin does not support cancelling orders."""


@dataclass(kw_only=True)
class NotPossible(Problem):
    """A rule of the marketplace forbids the operation."""

    reason: Reason
    """The rule."""


@dataclass(kw_only=True)
class Conflict(Problem):
    """The object changed after `ifModified`, or `idempotencyKey` was used for another request."""


@dataclass(kw_only=True)
class Unavailable(Problem):
    """The gateway does not accept changes."""

    retryable: bool
    """Whether the same request may succeed later."""


class ChangeRefusedError(Exception):
    """Error that rolls a unit of work back because of a problem."""

    def __init__(self, problem: Problem) -> None:
        """Store the problem, which becomes the result of the change."""
        super().__init__(problem.message)
        self.problem = problem


def raise_problem(problem: Problem | None) -> None:
    """Raise ChangeRefusedError if there is a problem."""
    if problem is not None:
        raise ChangeRefusedError(problem)


def build_invalid_field(*path: str, message: str) -> InvalidField:
    """Return an invalid value; `message` continues the value's path, as in "must be …"."""
    return InvalidField(path=[*path], message=f"`{'.'.join(path)}` {message}")


def build_invalid_input(*path: str, message: str) -> InvalidInput:
    """Return the problem of a single invalid value; see `build_invalid_field`."""
    return combine_invalid_fields(build_invalid_field(*path, message=message))


def combine_invalid_fields(first_field: InvalidField, *other_fields: InvalidField) -> InvalidInput:
    """Return the problem of one or more invalid values; its message is that of the first."""
    return InvalidInput(
        message=first_field.message, fields=[first_field, *other_fields][:MAX_INVALID_FIELDS]
    )


def describe_value(value: object) -> str:
    """Return how a message cites a JSON value: the number itself, or the type of anything else."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and abs(value) < _MAX_CITED_NUMBER:  # type: ignore[arg-type]
        return str(value)
    return _JSON_TYPE_NAMES.get(type(value), "another type")

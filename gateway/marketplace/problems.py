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
_MAX_CITED_CHARS = 40
"""Characters of numbers that are cited."""
_JSON_TYPE_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    str: "a string",
    list: "a list",
    dict: "an object",
}


@dataclass(kw_only=True)
class Problem:
    """Reason why an operation was refused; nothing was changed, except as `Unavailable` says."""

    message: str
    """Human-readable explanation."""


@dataclass(kw_only=True)
class NotPermitted(Problem):
    """The viewer is not allowed to execute the operation.

    The viewer is anonymous, lacks a permission, or has not accepted the offering's terms of
    service: see `message`.
    """


@dataclass(kw_only=True)
class InvalidField:
    """An invalid value in the input."""

    path: list[str]
    """Path of the value: the argument or input field, then the keys inside its value.

    For example `["limits", "cores"]` or `["extensionMonths"]`.
    """
    message: str
    """Human-readable explanation."""


@dataclass(kw_only=True)
class InvalidInput(Problem):
    """One or more values of the input are invalid."""

    fields: list[InvalidField]
    """The invalid values, at most 10; empty if Waldur's REST API refuses the input as a whole."""


@dataclass(kw_only=True)
class RenewalRule:
    """Numbers of months by which a prepaid component can be renewed."""

    component: str
    """Type of the component: its key in `limits`."""
    min: int | None
    """Minimum number of months; null without a minimum."""
    max: int | None
    """Maximum number of months; null without a maximum."""
    step: int | None
    """Step in months, counted from `min` or, if that is null, from 0.

    Null if there is no step.
    """


@dataclass(kw_only=True)
class InvalidMonths(Problem):
    """The number of months breaks the renewal rules of prepaid components."""

    rules: list[RenewalRule]
    """The rules that are broken, one for each component."""


@dataclass(kw_only=True)
class NotFound(Problem):
    """The object does not exist, or it is not visible to the viewer."""


@dataclass(kw_only=True)
class WrongState(Problem):
    """The state of the resource or order does not allow the operation."""

    state: str
    """The current state.

    A value of `ResourceState` or, in mutations of orders, of `OrderState`; `UNKNOWN` if this
    version of the API does not know it.
    """
    allowed: list[str]
    """The states in which the operation is allowed, values of the same enum as `state`."""


class Reason(Enum):
    """Rule of the marketplace that forbids an operation.

    *Orders* below are those that `renewResource`, `updateResourceLimits`, `switchResourcePlan`,
    `reallocateResourceLimits`, `terminateResource` and `restoreResource` place, and
    `updateResourceOptions` if the offering requires one for changes of options.
    """

    CUSTOMER_BLOCKED = "customer_blocked"
    """The organisation is blocked.

    For orders, for `approveOrder` and, in Waldur of 2024, for `rejectOrder`; and for
    `moveResource`, where it is the organisation of the target project.
    """
    CUSTOMER_ARCHIVED = "customer_archived"
    """The organisation is archived.

    For orders, for `approveOrder` and, in Waldur of 2024, for `rejectOrder`.
    """
    PROJECT_ENDED = "project_ended"
    """The project has ended: its `effectiveEndDate` is today or earlier.

    For orders, except terminations, and for `approveOrder` while the order is `PENDING_CONSUMER`;
    in Waldur of 2024 also while it is `PENDING_PROVIDER`.
    """
    OFFERING_UNAVAILABLE = "offering_unavailable"
    """The offering is `UNAVAILABLE`.

    For all mutations of resources.
    """
    OFFERING_CLOSED = "offering_closed"
    """The offering accepts no orders: it is neither `ACTIVE` nor `PAUSED`.

    For orders, except terminations.
    """
    OFFERING_RESTRICTED = "offering_restricted"
    """The offering is restricted to other organisations or projects.

    For orders.
    """
    ORDER_PENDING = "order_pending"
    """Another order of the resource is `PENDING_CONSUMER`, `PENDING_PROVIDER` or `EXECUTING`.

    For orders, for `retryOrder` and `setOrderState`, and for `updateResourceOptions`: if it needs
    no order, only orders that update options count.
    """
    NOT_PREPAID = "not_prepaid"
    """The offering has no prepaid component, so the resource is not prepaid.

    For `renewResource` and `adjustResourceDates`.
    """
    PREPAID = "prepaid"
    """The resource is prepaid; only a renewal or staff change its end date.

    For `setResourceEndDate`, and for `updateResource`, where it holds for staff, too.
    """
    NO_BACKEND_ID = "no_backend_id"
    """The resource has no `backendId` yet. For `pullResource`."""
    PULL_UNSUPPORTED = "pull_unsupported"
    """The offering's plugin does not support pulling. For `pullResource`."""
    LIMITS_FIXED = "limits_fixed"
    """The offering's plugin does not support changing limits.

    For `renewResource`, `updateResourceLimits` and `reallocateResourceLimits`.
    """
    NO_LIMITS = "no_limits"
    """The resource has no limits. For `reallocateResourceLimits`."""
    NO_PLAN = "no_plan"
    """The resource has no plan that another could replace. For `switchResourcePlan`."""
    NO_OPTIONS = "no_options"
    """The offering defines no options for its resources. For `updateResourceOptions`."""
    RESTORE_UNSUPPORTED = "restore_unsupported"
    """The offering does not support restoring resources. For `restoreResource`."""
    INVOICE_CLOSED = "invoice_closed"
    """An invoice of the target organisation is no longer pending.

    It is the invoice for a month of which items would have to be moved. For `moveResource`.
    """
    ORDER_OUTDATED = "order_outdated"
    """The resource's state has changed so that its order can no longer be carried out.

    For example it was terminated. For `retryOrder` and `setOrderState`.
    """
    COST_POLICY = "cost_policy"
    """The limit of a cost policy is exceeded, and the policy forbids changes of resources.

    It is a policy of the project or its organisation; `message` names its scope, period and limit.
    For all mutations that change a resource, also if they only place an order, so not for
    `pullResource`; an order does not change a resource that is `ERRED`. Also for `rejectOrder`,
    `cancelOrder`, `retryOrder` and reports that an order is `DONE`, which change the resource.
    """
    PURCHASE_ORDER_REQUIRED = "purchase_order_required"
    """The offering requires a purchase order, and none is attached to the order.

    For `approveOrder` while the order is `PENDING_CONSUMER`. Reject the order, and place another
    one with an attachment.
    """
    ORDERING_UNSUPPORTED = "ordering_unsupported"
    """Orders for new resources of the offering's type can't be placed here.

    Their plugin checks them against its backend. For `createOrder`, which accepts offerings of the
    types `Marketplace.Basic`, `Support.OfferingTemplate`, `Marketplace.Script`, `Marketplace.Slurm`
    and `Waldur.RemoteOffering`; over a real Waldur, of all types.
    """
    TEAM_TOO_SMALL = "team_too_small"
    """The project's team has fewer members than the offering requires. For `createOrder`."""
    TEAM_ROLE_REQUIRED = "team_role_required"
    """The viewer lacks the role in the project that the offering requires. For `createOrder`."""
    RESOURCE_COUNT_REACHED = "resource_count_reached"
    """The project has as many resources of the offering as the offering allows.

    For `createOrder`.
    """
    ORDERS_FIXED = "orders_fixed"
    """The offering's plugin does not support cancelling orders. For `cancelOrder`."""


@dataclass(kw_only=True)
class NotPossible(Problem):
    """A rule of the marketplace forbids the operation."""

    reason: Reason
    """The rule that forbids the operation; `message` describes it."""


@dataclass(kw_only=True)
class Conflict(Problem):
    """The object changed after `ifModified`, or `idempotencyKey` was used for another request.

    Over a real Waldur also: it finds the object in a conflicting state, or it is not certain what
    came of the first request with the key.
    """


@dataclass(kw_only=True)
class Unavailable(Problem):
    """The operation can't be executed, or it is not known whether it was.

    Mutations are turned off, the database is read-only, this Waldur lacks the operation, or its
    REST API can't be reached, refuses requests for the moment, or did not answer: see `message`.
    It says if the operation may have been carried out nevertheless; otherwise nothing was changed.
    """

    retryable: bool
    """Whether it is safe to repeat the same request later, and it may succeed then."""


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


def check_text_length(name: str, text: str | None, max_length: int) -> InvalidField | None:
    """Return the input field `name` as an invalid value if its text is too long; else None."""
    if text is None or len(text) <= max_length:
        return None
    message = f"must have at most {max_length} characters, got {len(text)}."
    return build_invalid_field(name, message=message)


def describe_value(value: object) -> str:
    """Return how a message cites a JSON value: the number itself, or the type of anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        is_short = abs(value) < _MAX_CITED_NUMBER and len(str(value)) <= _MAX_CITED_CHARS
        return str(value) if is_short else "a number out of range"
    return _JSON_TYPE_NAMES.get(type(value), "another type")

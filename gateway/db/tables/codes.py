"""Codes: the numbers and names that Waldur stores for states, types and periods (domain.md §2).

Their members are ints or strings, so SQL, rules and rows' values are compared with them directly,
and an f-string of SQL has the stored number. Codes that are published are GraphQL enums: their
docstrings are descriptions in the schema (`schema/enums.py`).
"""

from enum import IntEnum, StrEnum
from typing import Self


class ResourceState(IntEnum):
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


USABLE_RESOURCE_STATES = (ResourceState.OK, ResourceState.ERRED)
"""States of resources without an operation in progress, which can be changed and terminated."""
STATES_KEPT_BY_ORDERS = (ResourceState.ERRED, ResourceState.TERMINATED)
"""States that a resource keeps when an order is placed for it (domain.md §6.1)."""


class OrderState(IntEnum):
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


PENDING_ORDER_STATES = (
    OrderState.PENDING_CONSUMER,
    OrderState.PENDING_PROVIDER,
    OrderState.PENDING_PROJECT,
    OrderState.PENDING_START_DATE,
)
"""States of orders whose execution has not started."""
OPEN_ORDER_STATES = (*PENDING_ORDER_STATES, OrderState.EXECUTING)
"""States of unfinished orders."""
BLOCKING_ORDER_STATES = (
    OrderState.PENDING_CONSUMER,
    OrderState.PENDING_PROVIDER,
    OrderState.EXECUTING,
)
"""States of orders that block new ones (domain.md §2.3)."""


class OrderType(IntEnum):
    """Operation that an order requests."""

    CREATE = 1
    """The order creates a resource."""
    UPDATE = 2
    """The order updates a resource: its limits, plan, options or end date."""
    TERMINATE = 3
    """The order terminates a resource."""
    RESTORE = 4
    """The order restores a terminated resource."""


class OfferingState(IntEnum):
    """State of an offering: whether it can be ordered."""

    DRAFT = 1
    """The offering is in preparation and can't be ordered yet."""
    ACTIVE = 2
    """The offering can be ordered."""
    PAUSED = 3
    """The offering can't be ordered at present; existing resources can be changed."""
    ARCHIVED = 4
    """The offering is no longer offered; existing resources remain."""
    UNAVAILABLE = 5
    """No operations on the offering's resources are possible at present."""


class OfferingUserState(IntEnum):
    """State of a user's account in an offering (offering user)."""

    REQUESTED = 1
    """The account was requested."""
    CREATING = 2
    """The provider is creating the account."""
    PENDING_ACCOUNT_LINKING = 3
    """The user has to link another account."""
    PENDING_ADDITIONAL_VALIDATION = 4
    """The provider has to validate the account."""
    OK = 5
    """The account can be used."""
    REQUESTED_DELETION = 6
    """Deletion of the account was requested."""
    DELETING = 7
    """The provider is deleting the account."""
    DELETED = 8
    """The account was deleted."""
    ERROR_CREATING = 9
    """Creation of the account failed."""
    ERROR_DELETING = 10
    """Deletion of the account failed."""


class RobotAccountState(IntEnum):
    """State of a machine's account on a resource (domain.md §2.12)."""

    REQUESTED = 1
    CREATING = 2
    OK = 3
    REQUESTED_DELETION = 4
    DELETED = 5
    ERROR = 6


class BackendState(IntEnum):
    """State of a plugin's object, or of its service settings (domain.md §2.8)."""

    UPDATE_SCHEDULED = 1
    UPDATING = 2
    OK = 3
    ERRED = 4
    CREATION_SCHEDULED = 5
    CREATING = 6
    DELETION_SCHEDULED = 7
    DELETING = 8

    @property
    def display_name(self) -> str:
        """Name in REST, such as `Update Scheduled`."""
        return self.name if self is BackendState.OK else self.name.replace("_", " ").title()


class BillingType(StrEnum):
    """How a component is billed."""

    FIXED = "fixed"
    """The fixed amount `PlanComponent.amount`, in every plan period."""
    USAGE = "usage"
    """The reported usage."""
    LIMIT = "limit"
    """The ordered limit, whether it is used or not."""
    ONE = "one"
    """Once, when the resource is created.

    For a prepaid component: the ordered limit, in advance.
    """
    FEW = "few"
    """Once for every switch of the plan."""


FIXED_PRICE_TYPES = (BillingType.FIXED, BillingType.ONE, BillingType.FEW)
"""Billing types whose amounts are part of a plan."""


class LimitPeriod(StrEnum):
    """The period that a component's limit applies to."""

    MONTH = "month"
    """A calendar month."""
    QUARTERLY = "quarterly"
    """A calendar quarter."""
    ANNUAL = "annual"
    """A calendar year."""
    TOTAL = "total"
    """The whole lifetime of the resource."""


class PolicyPeriod(IntEnum):
    """Calendar months whose costs count towards the limit of a cost policy (rules.md §0)."""

    TOTAL = 1
    """All months; each number without a member stands for them, too."""
    MONTH = 2
    """The current month."""
    QUARTER = 3
    """The current month and the two before it."""
    YEAR = 4
    """The current month and the eleven before it."""


class PolicyScope(StrEnum):
    """Kind of the object whose costs a policy limits."""

    PROJECT = "project"
    CUSTOMER = "organisation"
    OFFERING = "offering"


class PolicyAction(StrEnum):
    """Action of a cost policy that forbids operations while the limit is exceeded."""

    BLOCK_CREATION = "block_creation_of_new_resources"
    BLOCK_MODIFICATION = "block_modification_of_existing_resources"


class PlanUnit(StrEnum):
    """The billing period of a plan."""

    MONTH = "month"
    """One month."""
    QUARTER = "quarter"
    """Three months."""
    HALF_MONTH = "half_month"
    """Half a month."""
    DAY = "day"
    """One day."""
    HOUR = "hour"
    """One hour."""
    QUANTITY = "quantity"
    """There is no period: prices are per piece."""


class InvoiceState(StrEnum):
    """State of an invoice (domain.md §1.16)."""

    PENDING = "pending"
    """It can still change."""
    CREATED = "created"
    PAID = "paid"
    CANCELED = "canceled"


class EventKind(StrEnum):
    """What happened to an object, from the viewer's perspective.

    The schema publishes it as an enum for each type of object, such as `ResourceEventKind`.
    """

    existed_before: bool
    """Whether the object, its state and its place before the event belong to it."""
    exists_after: bool
    """Whether the object, its state and its place after the event belong to it."""

    def __new__(cls, code: str, existed_before: bool, exists_after: bool) -> Self:  # noqa: FBT001 - in the table below
        """Create a kind from its stored name and on which sides of the event the object is."""
        kind = str.__new__(cls, code)
        kind._value_ = code
        kind.existed_before, kind.exists_after = existed_before, exists_after
        return kind

    CREATED = "CREATED", False, True
    """The object was created, or became visible to the viewer."""
    STATE_CHANGED = "STATE_CHANGED", True, True
    """The state changed, perhaps other fields as well."""
    UPDATED = "UPDATED", True, True
    """Fields other than the state changed."""
    HIDDEN = "HIDDEN", True, False
    """The object is no longer visible to the viewer, for example after a move."""
    DELETED = "DELETED", True, False
    """The object's record was deleted."""

    @property
    def is_change(self) -> bool:
        """Whether the object exists before and after the event."""
        return self.existed_before and self.exists_after

    def see_as(self, *, was_visible: bool, is_visible: bool) -> "EventKind | None":
        """Return the kind for a viewer who sees the object on these sides; None on neither.

        An object that was hidden before is CREATED for them. One that is hidden after is
        HIDDEN, unless it no longer exists.
        """
        if is_visible and self.exists_after:
            return self if was_visible or not self.existed_before else EventKind.CREATED
        if was_visible and self.existed_before:
            return EventKind.HIDDEN if self.exists_after else self
        return None

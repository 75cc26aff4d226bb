"""How lists of orders are narrowed and sorted; the names are REST's (domain.md §2.3)."""

from enum import Enum

from gateway.schema.published import named


@named
class OrderState(Enum):
    """Where an order is on its way to be carried out."""

    PENDING_CONSUMER = 1
    """It waits for somebody of the project or its organisation to approve it."""
    PENDING_PROVIDER = 7
    """It waits for the provider to approve it."""
    PENDING_PROJECT = 8
    """It waits for its project to begin."""
    PENDING_START_DATE = 9
    """It waits for the day on which it is to start."""
    EXECUTING = 2
    """It is being carried out."""
    DONE = 3
    """It was carried out."""
    ERRED = 4
    """Something went wrong while it was carried out."""
    CANCELED = 5
    """It was called off."""
    REJECTED = 6
    """It was not approved."""

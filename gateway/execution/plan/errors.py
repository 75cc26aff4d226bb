"""Why an operation has no plan, or a run of a plan is abandoned."""


class NotPlannedError(Exception):
    """The document uses something that plans don't support; the message names it."""


class NotQueryError(NotPlannedError):
    """The operation is a mutation or subscription, which never has a plan."""


class PlanMismatchError(Exception):
    """A value contradicts the plan, such as a null of a non-null type.

    The reference execution decides what that means for the response.
    """

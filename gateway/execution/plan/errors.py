"""Why an operation has no plan, or a run of a plan is abandoned."""


class NotPlannedError(Exception):
    """The document uses something that plans don't support; the message names it."""


class NeverPlannedError(NotPlannedError):
    """The document is of a kind that never has a plan: introspection, a mutation, a subscription.

    That is as intended, and no reason for a warning in the log.
    """


class PlanMismatchError(Exception):
    """A value contradicts the plan, such as a null of a non-null type.

    The reference execution decides what that means for the response.
    """

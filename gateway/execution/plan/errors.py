"""Why an operation has no plan, or a plan is abandoned."""


class NotPlannedError(Exception):
    """A document asks for something that plans don't do; the text says what."""


class NotQueryError(NotPlannedError):
    """An operation does not only read: there never is a plan, and nobody need wonder."""


class PlanMismatchError(Exception):
    """Something is not as the plan has it; the reference is to say what that means."""

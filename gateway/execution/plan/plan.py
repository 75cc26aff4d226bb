"""A compiled operation."""

from dataclasses import dataclass

from gateway.execution.plan.nodes import Named, Step
from gateway.execution.plan.variables import Variables


@dataclass
class Plan:
    """A compiled operation."""

    steps: list[Step]
    """All steps: the one that makes the answer, then the others from the top down."""
    levels: list[list[Step]]
    """The steps that read, by the round in which they do."""
    named: list[Named]
    variables: Variables
    single: Step | None
    """The only step that reads, if it reads but one row."""
    most: float
    """How many rows an answer can show, whatever is found; without end if there are lists."""
    surprises: int = 0
    """How often in a row it met what it did not know of."""
    rests_until: float = 0.0
    """Until when it is not used, on the clock of `monotonic`."""

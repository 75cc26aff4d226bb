"""A compiled operation."""

from dataclasses import dataclass

from gateway.execution.plan.nodes import LookupKeys, PlanStep
from gateway.execution.plan.variables import VariableCoercer


@dataclass
class ExecutionPlan:
    """A compiled operation."""

    steps: list[PlanStep]
    """All steps: the one that makes the answer, then the others from the top down."""
    levels: list[list[PlanStep]]
    """The steps that read, by the round in which they do."""
    lookups: list[LookupKeys]
    variable_coercer: VariableCoercer
    single_step: PlanStep | None
    """The only step that reads, if it reads but one row."""
    max_rows: float
    """How many rows an answer can show, whatever is found; without end if there are lists."""
    failures: int = 0
    """How often in a row it met what it did not know of."""
    disabled_until: float = 0.0
    """Until when it is not used, on the clock of `monotonic`."""

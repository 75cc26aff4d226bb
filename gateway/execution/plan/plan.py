"""The execution plan of an operation."""

from dataclasses import dataclass

from gateway.execution.plan.nodes import LookupKeys, PlanStep
from gateway.execution.plan.variables import VariableCoercer


@dataclass
class ExecutionPlan:
    """The compiled form of an operation: its steps, in the order in which they read.

    A plan is immutable but for its circuit breaker (`Executor` describes it) and the
    statements that its steps remember, so concurrent requests share it.
    """

    steps: list[PlanStep]
    """All steps, top down; the first builds the answer, and reads nothing."""
    levels: list[list[PlanStep]]
    """The reading steps by level: each level is one batch of statements."""
    lookups: list[LookupKeys]
    """The root fields that name rows by key."""
    variable_coercer: VariableCoercer
    single_step: PlanStep | None
    """The only reading step, if the plan reads one row by key; it runs without levels."""
    max_rows: float
    """An upper bound of the rows that an answer shows, whatever the data; inf with lists."""
    failures: int = 0
    """Consecutive failed runs."""
    disabled_until: float = 0.0
    """The time, on the clock of `time.monotonic`, until which the plan is not used."""

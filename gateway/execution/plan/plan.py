"""The execution plan of an operation."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from gateway.db.driver.statement import Statement
from gateway.db.sql.compiler import estimate_statement_bytes
from gateway.execution.plan.nodes import LookupKeys, PlanStep
from gateway.execution.plan.variables import VariableCoercer

MAX_PLAN_FAILURES = 5
"""Consecutive failures after which a plan is disabled."""
PLAN_DISABLED_SECONDS = 60
MAX_STATEMENT_BYTES = 2_000_000
"""Maximum size of the statements that one plan remembers, estimated."""


def ignore_growth(_size: int) -> None:
    """Do nothing: the plan is not in a cache."""


@dataclass
class ExecutionPlan:
    """The compiled form of an operation: its steps, in the order in which they read.

    A plan is immutable but for its circuit breaker and the statements that its steps
    remember, so concurrent requests share it.

    A plan that keeps failing costs every request both executions, hence the breaker:

        closed ──MAX_PLAN_FAILURES consecutive failures──► open
          ▲                                                 │
          └────────────PLAN_DISABLED_SECONDS later──────────┘

    A success resets the count.
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
    statement_bytes: int = 0
    """The size of the statements that the steps remember, estimated."""
    on_growth: Callable[[int], None] = ignore_growth
    """Called with the size by which the plan has grown; negative if it has shrunk."""

    def record_failure(self) -> None:
        """Count a failed run; open the circuit breaker after too many."""
        self.failures += 1
        if self.failures >= MAX_PLAN_FAILURES:
            self.failures, self.disabled_until = 0, monotonic() + PLAN_DISABLED_SECONDS

    def remember_statement(self, step: PlanStep, key: Any, statement: Statement | None) -> None:
        """Store a compiled statement of a step; forget all others if they are too many.

        Clients choose the shapes of filters in variables, so there can be any number.
        """
        size = estimate_statement_bytes(statement)
        if self.statement_bytes + size > MAX_STATEMENT_BYTES:
            for each in self.steps:
                each.statements.clear()
            self.on_growth(-self.statement_bytes)
            self.statement_bytes = 0
        step.statements[key] = statement
        self.statement_bytes += size
        self.on_growth(size)

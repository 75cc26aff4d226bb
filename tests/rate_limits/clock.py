"""A clock of tests for budgets and windows."""


class BudgetClock:
    """A clock that the test sets; it begins at the start of a minute."""

    now = 1_800_000_000.0

    def current_time(self) -> float:
        """Return the time in seconds."""
        return self.now

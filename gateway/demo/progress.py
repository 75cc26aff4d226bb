"""Progress reports of the demo's creation."""

from collections.abc import Callable

ProgressReporter = Callable[[str], None]
"""Function that shows a line of progress."""


def ignore_progress(_line: str) -> None:
    """Show nothing."""

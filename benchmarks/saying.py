"""What a run tells people while it lasts."""

import sys


def print_progress(text: str) -> None:
    """Write a line on standard error."""
    print(text, file=sys.stderr, flush=True)

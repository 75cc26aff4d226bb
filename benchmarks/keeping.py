"""What the two commands share: their figures in a file, their arguments, their end."""

import json
import os
import platform
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.saying import say

RESULTS = Path(__file__).parent / "results"


def keep(place: Path, figures: dict[str, Any]) -> None:
    """Write figures to a file, with what they were measured on."""
    measured = {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "settings": {name: each for name, each in os.environ.items() if name[:8] == "GATEWAY_"},
    }
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"{json.dumps(measured | figures, indent=1)}\n")
    say(f"The figures are in {place}.")


def heed_signals() -> None:
    """Let Ctrl-C and its like end the run as an exception does, so that all that runs is ended."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)


def _stop(number: int, _frame: Any) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def numbers(text: str) -> list[int]:
    """Read numbers with commas between them."""
    return [int(each) for each in text.split(",")]

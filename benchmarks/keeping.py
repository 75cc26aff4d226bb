"""What the two commands share: their figures in a file, their arguments, their end."""

import json
import os
import platform
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.saying import print_progress

RESULTS_FOLDER = Path(__file__).parent / "results"


def write_results(path: Path, figures: dict[str, Any]) -> None:
    """Write figures to a file, with what they were measured on."""
    environment = {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "settings": {
            name: setting for name, setting in os.environ.items() if name[:8] == "GATEWAY_"
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{json.dumps(environment | figures, indent=1)}\n")
    print_progress(f"The figures are in {path}.")


def handle_signals() -> None:
    """Let Ctrl-C and its like end the run as an exception does, so that all that runs is ended."""
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, _exit_on_signal)


def _exit_on_signal(signal_number: int, _frame: Any) -> NoReturn:
    for handled_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(handled_signal, signal.SIG_IGN)
    raise SystemExit(128 + signal_number)


def parse_numbers(text: str) -> list[int]:
    """Read numbers with commas between them."""
    return [int(each) for each in text.split(",")]

"""Support for the commands: progress, results, signals, arguments."""

import json
import os
import platform
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

RESULTS_FOLDER = Path(__file__).parent / "results"


def print_progress(text: str) -> None:
    """Print a line of progress to standard error."""
    print(text, file=sys.stderr, flush=True)


def write_results(path: Path, figures: dict[str, Any]) -> None:
    """Write figures and the environment of the measurement to a JSON file."""
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
    print_progress(f"Wrote {path}.")


def handle_signals() -> None:
    """Raise SystemExit on SIGINT and SIGTERM, so that context managers stop all servers."""
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, _exit_on_signal)


def _exit_on_signal(signal_number: int, _frame: Any) -> NoReturn:
    for handled_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(handled_signal, signal.SIG_IGN)
    raise SystemExit(128 + signal_number)


def parse_numbers(text: str) -> list[int]:
    """Parse comma-separated integers."""
    return [int(number) for number in text.split(",")]

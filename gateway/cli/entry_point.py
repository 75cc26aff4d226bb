"""Entry point of the command line; imports the commands after it has handled signals.

Worker processes import the module that started the command, too: it is small, so that they
respond to their supervisor and to signals before the slow imports.
"""

import importlib
import signal
from types import FrameType
from typing import NoReturn


def exit_on_signal(signal_number: int, _frame: FrameType | None) -> NoReturn:
    """Unwind the stack once, so that context managers stop the embedded database."""
    for ignored_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored_signal, signal.SIG_IGN)
    raise SystemExit(0 if signal_number == signal.SIGTERM else 130)


for handled_signal in (signal.SIGINT, signal.SIGTERM):
    signal.signal(handled_signal, exit_on_signal)


def run_command_line() -> int:
    """Run the command in `sys.argv` and return its exit status."""
    exit_status: int = importlib.import_module("gateway.cli.main").main()
    return exit_status

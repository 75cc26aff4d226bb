"""Run the command line: `python -m gateway`."""

import sys

from gateway.cli.entry_point import run_command_line

if __name__ == "__main__":
    sys.exit(run_command_line())

"""Runner of many commands in one process, since a process takes long to start."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.support.gateway_server import CommandResult, build_environment
from tests.support.project_paths import PROJECT_ROOT

COMMAND_LOOP_SCRIPT = """
import io, json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from gateway.cli.main import main
environment, messages = dict(os.environ), sys.stdin
for line in messages:
    arguments, variables, input_text = json.loads(line)
    os.environ.clear()
    os.environ.update(environment | variables)
    sys.stdin = io.StringIO(input_text)
    with redirect_stdout(io.StringIO()) as output, redirect_stderr(io.StringIO()) as errors:
        try:
            status = main(arguments)
        except SystemExit as end:
            status = end.code
    print(json.dumps([status, output.getvalue(), errors.getvalue()]), flush=True)
"""
"""Program that runs the commands that it reads: arguments, variables, and standard input."""


class CommandRunner:
    """Runs commands in one process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run_command(
        self, *arguments: str, variables: Mapping[str, str] | None = None, input_text: str = ""
    ) -> CommandResult:
        """Run a command and return its status, output and error output."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([arguments, variables or {}, input_text]) + "\n")
        self._process.stdin.flush()
        status, output, error_output = json.loads(self._process.stdout.readline())
        return status, output, error_output


@contextmanager
def start_command_runner() -> Iterator[CommandRunner]:
    """Yield a runner of commands; its process ends when the context is left."""
    popen_options: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "text": True,
        "env": build_environment(),
    }
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND_LOOP_SCRIPT], cwd=PROJECT_ROOT, **popen_options
    ) as process:
        yield CommandRunner(process)
        process.terminate()

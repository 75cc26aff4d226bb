"""Tests of reading the output of processes."""

import subprocess
import sys
from tempfile import TemporaryFile

from tests.support.process_output import read_process_output

LINE_COUNT = 20_000
PROGRAM = f"for number in range({LINE_COUNT}): print(number, flush=True)"


def test_output_that_is_read_meanwhile_is_complete() -> None:
    with TemporaryFile("a+b") as output_file:
        with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=output_file) as process:
            while process.poll() is None:
                read_process_output(output_file)
        assert read_process_output(output_file) == "".join(f"{n}\n" for n in range(LINE_COUNT))

"""Output of processes that is read while they write it."""

import os
from typing import IO


def read_process_output(output_file: IO[bytes]) -> str:
    """Return what a process has written to a file until now.

    The process shares the file's offset: it would write where `seek` leaves it, over its earlier
    output. `pread` leaves the offset alone.
    """
    descriptor = output_file.fileno()
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")

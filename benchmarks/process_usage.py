"""The CPU, memory and statements that a server and its database use."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg

_EXECUTED_PATTERN = re.compile(rb"LOG:  (execute|statement)")


def process_tree(pid: int) -> list[psutil.Process]:
    """Return a process and its descendants."""
    root_process = psutil.Process(pid)
    return [root_process, *root_process.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and its descendants."""
    return sum(_process_cpu_seconds(process) for process in process_tree(pid))


def memory_bytes(pid: int) -> int:
    """Return the resident memory of a process and its descendants."""
    return sum(process.memory_info().rss for process in process_tree(pid))


def machine_busy_seconds() -> float:
    """Return the CPU seconds during which the machine's cores were busy."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def wait_until_idle(pid: int) -> None:
    """Wait until a process has finished the requests that the load generator abandoned.

    Raises SystemExit after 30 seconds.
    """
    for _ in range(300):
        cpu_before = cpu_seconds(pid)
        time.sleep(0.1)
        if cpu_seconds(pid) - cpu_before < 0.02:  # noqa: PLR2004 - two ticks of the clock
            return
    raise SystemExit(f"Process {pid} is still busy 30 seconds after the load has ended.")


def _process_cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


@contextmanager
def count_statements(url: str, log_path: Path) -> Iterator[Callable[[], int]]:
    """Yield a function that counts the statements which PostgreSQL has logged since."""
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            _change_setting(connection, "alter system set log_statement = 'all'")
            _wait_for_log_setting(url, "all")
            start = log_path.stat().st_size
            yield lambda: len(_EXECUTED_PATTERN.findall(log_path.read_bytes()[start:]))
        finally:
            _change_setting(connection, "alter system reset log_statement")
            _wait_for_log_setting(url, "none")


def _change_setting(connection: psycopg.Connection, sql: bytes | str) -> None:
    connection.execute(sql.encode() if isinstance(sql, str) else sql)
    connection.execute("select pg_reload_conf()")


def _wait_for_log_setting(url: str, expected: str) -> None:
    """Wait until a new connection has the setting: by then all others were signalled, too."""
    for _ in range(200):
        with psycopg.connect(url) as connection:
            (value,) = connection.execute("show log_statement").fetchone() or ("",)
        if value == expected:
            return
        time.sleep(0.02)
    raise SystemExit(f"PostgreSQL has not set log_statement to {expected} within 4 seconds.")

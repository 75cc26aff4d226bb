"""What a server and its database take of the machine."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg

_EXECUTED_PATTERN = re.compile(rb"LOG:  (execute|statement)")


def process_tree(pid: int) -> list[psutil.Process]:
    """Give a process and all below it."""
    root_process = psutil.Process(pid)
    return [root_process, *root_process.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """Give the CPU seconds that a process and all below it have taken."""
    return sum(_process_cpu_seconds(process) for process in process_tree(pid))


def memory_bytes(pid: int) -> int:
    """Give the bytes of memory that a process and all below it hold."""
    return sum(process.memory_info().rss for process in process_tree(pid))


def machine_busy_seconds() -> float:
    """Give the CPU seconds that the machine has worked."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def wait_until_idle(pid: int) -> None:
    """Wait until a process has done what is left over from requests that nobody waits for."""
    for _ in range(300):
        cpu_before = cpu_seconds(pid)
        time.sleep(0.1)
        if cpu_seconds(pid) - cpu_before < 0.02:  # noqa: PLR2004 - two ticks of the clock
            return
    raise SystemExit("A server does not come to rest.")


def _process_cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


@contextmanager
def count_statements(url: str, log_path: Path) -> Iterator[Callable[[], int]]:
    """Give what counts the statements that PostgreSQL has run since; it logs them meanwhile."""
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
    """Wait until a new connection knows the setting: by then all the others were told."""
    for _ in range(200):
        with psycopg.connect(url) as connection:
            (value,) = connection.execute("show log_statement").fetchone() or ("",)
        if value == expected:
            return
        time.sleep(0.02)
    raise SystemExit("PostgreSQL does not read its settings anew.")

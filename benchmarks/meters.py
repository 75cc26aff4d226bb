"""What a server and its database take of the machine."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg

_EXECUTED = re.compile(rb"LOG:  (execute|statement)")


def family(pid: int) -> list[psutil.Process]:
    """Give a process and all below it."""
    head = psutil.Process(pid)
    return [head, *head.children(recursive=True)]


def cpu(pid: int) -> float:
    """Give the CPU seconds that a process and all below it have taken."""
    return sum(_cpu(each) for each in family(pid))


def memory(pid: int) -> int:
    """Give the bytes of memory that a process and all below it hold."""
    return sum(each.memory_info().rss for each in family(pid))


def busy() -> float:
    """Give the CPU seconds that the machine has worked."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def settle(pid: int) -> None:
    """Wait until a process has done what is left over from requests that nobody waits for."""
    for _ in range(300):
        before = cpu(pid)
        time.sleep(0.1)
        if cpu(pid) - before < 0.02:  # noqa: PLR2004 - two ticks of the clock
            return
    raise SystemExit("A server does not come to rest.")


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


@contextmanager
def counting(url: str, log: Path) -> Iterator[Callable[[], int]]:
    """Give what counts the statements that PostgreSQL has run since; it logs them meanwhile."""
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            _set(connection, "alter system set log_statement = 'all'")
            _await(url, "all")
            start = log.stat().st_size
            yield lambda: len(_EXECUTED.findall(log.read_bytes()[start:]))
        finally:
            _set(connection, "alter system reset log_statement")
            _await(url, "none")


def _set(connection: psycopg.Connection, change: bytes | str) -> None:
    connection.execute(change.encode() if isinstance(change, str) else change)
    connection.execute("select pg_reload_conf()")


def _await(url: str, wanted: str) -> None:
    """Wait until a new connection knows the setting: by then all the others were told."""
    for _ in range(200):
        with psycopg.connect(url) as connection:
            (found,) = connection.execute("show log_statement").fetchone() or ("",)
        if found == wanted:
            return
        time.sleep(0.02)
    raise SystemExit("PostgreSQL does not read its settings anew.")

"""Requests as fast as a server answers them, by wrk, which takes little of the machine itself."""

import json
import os
import resource
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.servers import Target

SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """What came of some seconds of requests."""

    requests: int
    rate: float
    """Requests per second."""
    p50: float
    p99: float
    """Milliseconds until the answer."""
    mean_bytes: float
    """How long an answer was, its head included."""
    client_cpu: float
    """CPU seconds that sending and receiving took."""


def loaded(
    target: Target, requests: Sequence[dict[str, Any]], connections: int, seconds: int
) -> Load:
    """Send requests in turn by so many connections at once for some seconds."""
    before = _children()
    with TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies"
        bodies.write_text("".join(f"{json.dumps(each)}\n" for each in requests))
        said = _wrk(target, bodies, f"-c{connections}", f"-d{seconds}s")
    if said["failed"]:
        raise SystemExit(f"{target.name} failed {said['failed']} of {said['requests']} requests.")
    return Load(
        said["requests"],
        said["requests"] / said["microseconds"] * 1e6,
        said["p50"],
        said["p99"],
        said["bytes"] / max(said["requests"], 1),
        _children() - before,
    )


def _wrk(target: Target, bodies: Path, *options: str) -> dict[str, Any]:
    given = {"BENCHMARK_BODIES": str(bodies), "BENCHMARK_TOKEN": target.token}
    done = subprocess.run(
        ("wrk", "-t1", "--timeout", "30s", "-s", str(SCRIPT), *options, target.url),
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=False,
    )
    _, found, result = done.stdout.partition("RESULT ")
    if not found:
        raise SystemExit(f"wrk failed: {done.stdout}{done.stderr}")
    said: dict[str, Any] = json.loads(result)
    return said


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

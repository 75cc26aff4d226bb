"""Load generation by wrk, which uses little CPU itself."""

import json
import os
import resource
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.servers import ServerTarget

LOAD_SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class LoadResult:
    """The figures of a period of load."""

    requests: int
    rate: float
    """Requests per second."""
    p50: float
    p99: float
    """Percentiles of the response time in milliseconds."""
    mean_bytes: float
    """The mean size of a response with its headers."""
    client_cpu: float
    """CPU seconds of wrk."""


def run_load(
    target: ServerTarget, requests: Sequence[dict[str, Any]], connections: int, seconds: int
) -> LoadResult:
    """Send the requests cyclically over concurrent connections for some seconds.

    Raises SystemExit if a request fails.
    """
    cpu_before = _children_cpu_seconds()
    with TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies"
        bodies.write_text("".join(f"{json.dumps(body)}\n" for body in requests))
        report = _run_wrk(target, bodies, f"-c{connections}", f"-d{seconds}s")
    if report["failed"]:
        raise SystemExit(
            f"{target.name}: {report['failed']} of {report['requests']} requests failed."
        )
    return LoadResult(
        report["requests"],
        report["requests"] / report["microseconds"] * 1e6,
        report["p50"],
        report["p99"],
        report["bytes"] / max(report["requests"], 1),
        _children_cpu_seconds() - cpu_before,
    )


def _run_wrk(target: ServerTarget, bodies: Path, *options: str) -> dict[str, Any]:
    environment = {"BENCHMARK_BODIES": str(bodies), "BENCHMARK_TOKEN": target.token}
    process = subprocess.run(
        ("wrk", "-t1", "--timeout", "30s", "-s", str(LOAD_SCRIPT), *options, target.url),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    _, marker, json_text = process.stdout.partition("RESULT ")
    if not marker:
        raise SystemExit(f"wrk failed: {process.stdout}{process.stderr}")
    report: dict[str, Any] = json.loads(json_text)
    return report


def _children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

"""Tests of the time limit of each test: a stuck test fails by itself, and the others run."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.project_paths import PROJECT_ROOT
from tests.support.time_limits import scale_seconds

CONFTEST = """
from tests.support import duration_limit

def pytest_configure(config):
    duration_limit.GRACE_SECONDS = 0.3
    config.pluginmanager.register(duration_limit.DurationLimit(seconds=0.1))
"""
TESTS = """
import asyncio, time
import pytest, pytest_asyncio

@pytest_asyncio.fixture(loop_scope="session")
async def stuck_fixture():
    await asyncio.Event().wait()

def test_blocking():
    time.sleep(600)

async def test_waiting():
    await asyncio.Event().wait()

async def test_blocking_the_loop():
    time.sleep(600)

async def test_ignoring_cancellation():
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()

async def test_with_stuck_setup(stuck_fixture):
    pass

async def test_quick():
    await asyncio.sleep(0)

def test_wrong():
    assert False, "another reason"
"""


def test_stuck_test_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_examples.py").write_text(TESTS)
    options = ["-p", "no:randomly", "-p", "no:cacheprovider", "-rA", f"--rootdir={tmp_path}"]
    command = [sys.executable, "-m", "pytest", "-c", str(PROJECT_ROOT / "pyproject.toml")]
    completed = subprocess.run(
        [*command, *options, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=PROJECT_ROOT,
        env={**os.environ, "COLUMNS": "1000"},
        check=False,
        timeout=scale_seconds(60),
    )
    summary = completed.stdout.partition("short test summary")[2]
    outcomes = dict(re.findall(r"^([A-Z]+ \S+::test_\w+)(?: - (.*))?$", summary, re.MULTILINE))
    outcomes = {line.rpartition(":")[2]: (line.split()[0], why) for line, why in outcomes.items()}
    assert outcomes.pop("test_quick") == ("PASSED", "")
    assert outcomes.pop("test_wrong")[1].startswith("AssertionError: another reason")
    assert len(outcomes) == 5, completed.stdout
    for outcome, why in outcomes.values():
        assert outcome in {"FAILED", "ERROR"}
        assert why.startswith("tests.support.time_limits.TooSlowError: too slow here or stuck: "), (
            outcomes
        )
    assert "(limit 0.1 s x machine factor " in completed.stdout

"""Test that the first cases of a test are measured, and the tests after it as well."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.coverage_sampling import MEASURED_CASES
from tests.support.project_paths import PROJECT_ROOT

CONFTEST = """
from tests.support.coverage_sampling import CoverageSampling

def pytest_configure(config):
    config.pluginmanager.register(CoverageSampling())
"""
MEASURED = "\n".join(
    ["def call_line(number):", *(f"    if number == {n}: return" for n in range(9))]
)
TESTS = """
import pytest
from measured import call_line

@pytest.mark.parametrize("number", range(8))
def test_many_cases(number):
    call_line(number)

def test_one_case():
    call_line(8)
"""


def list_executed_lines(folder: Path, last_test: str) -> list[int]:
    """Return the lines of the measured module that the tests up to one have executed."""
    options = [
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        "--cov=measured",
        "--cov-report=json",
        "--no-cov-on-fail",
    ]
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, f"--rootdir={folder}", *options]
    environment = {name: each for name, each in os.environ.items() if "COV" not in name}
    subprocess.run(
        [*command, "-k", last_test, "test_examples.py"],
        cwd=folder,
        env={**environment, "PYTHONPATH": f"{PROJECT_ROOT}:{folder}"},
        check=True,
        capture_output=True,
    )
    report = json.loads((folder / "coverage.json").read_text())
    lines: list[int] = report["files"]["measured.py"]["executed_lines"]
    return lines


def test_first_cases_are_measured(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "measured.py").write_text(MEASURED)
    (tmp_path / "test_examples.py").write_text(TESTS)
    definition_and_cases = list(range(1, MEASURED_CASES + 2))
    assert list_executed_lines(tmp_path, "test_many_cases") == definition_and_cases
    assert list_executed_lines(tmp_path, "test_many_cases or test_one_case") == [*range(1, 11)]

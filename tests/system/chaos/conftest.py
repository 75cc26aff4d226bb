"""What the scenes share: one ground."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway_server import Process
from tests.system.chaos.chaos_environment import Ground, ground_at


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    """Give a demo in a PostgreSQL of its own, in which any transaction holds back all events."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-chaos-"))
    folder.chmod(0o711)
    try:
        with ground_at(folder) as ground:
            yield ground
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def serving(ground: Ground) -> Iterator[Process]:
    """Give a gateway that serves it."""
    with ground.serving() as running:
        yield running

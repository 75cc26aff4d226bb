"""What the scenes share: one ground."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway_server import GatewayProcess
from tests.system.chaos.chaos_environment import ChaosEnvironment, create_environment


@pytest.fixture(scope="session")
def environment() -> Iterator[ChaosEnvironment]:
    """Give a demo in a PostgreSQL of its own, in which any transaction holds back all events."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-chaos-"))
    folder.chmod(0o711)
    try:
        with create_environment(folder) as chaos_environment:
            yield chaos_environment
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def gateway_process(environment: ChaosEnvironment) -> Iterator[GatewayProcess]:
    """Give a gateway that serves it."""
    with environment.serve_gateway_process() as process:
        yield process

"""Fixtures shared by all scenarios: one environment, and a gateway process for each module."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway_server import GatewayProcess
from tests.system.chaos.chaos_environment import ChaosEnvironment, create_environment


@pytest.fixture(scope="session")
def environment() -> Iterator[ChaosEnvironment]:
    """Yield a demo on a PostgreSQL server of its own.

    Open transactions of other tests, which would hold events back, are thus excluded.
    """
    folder = Path(tempfile.mkdtemp(prefix="gateway-chaos-"))
    folder.chmod(0o711)
    try:
        with create_environment(folder) as chaos_environment:
            yield chaos_environment
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def gateway_process(environment: ChaosEnvironment) -> Iterator[GatewayProcess]:
    """Yield a gateway process that serves the demo."""
    with environment.serve_gateway_process() as process:
        yield process

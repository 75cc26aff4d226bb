"""Fixtures shared by all scenarios: one environment, and a gateway process for each module."""

from collections.abc import Iterator

import pytest

from tests.support.gateway_server import GatewayProcess
from tests.system.chaos.chaos_environment import ChaosEnvironment, create_environment


@pytest.fixture(scope="session")
def environment() -> Iterator[ChaosEnvironment]:
    """Yield a demo on a PostgreSQL server of its own.

    Open transactions of other tests, which would hold events back, are thus excluded.
    """
    with create_environment() as chaos_environment:
        yield chaos_environment


@pytest.fixture(scope="module")
def gateway_process(environment: ChaosEnvironment) -> Iterator[GatewayProcess]:
    """Yield a gateway process that serves the demo."""
    with environment.serve_gateway_process() as process:
        yield process

"""Fixtures of the tests of commands."""

from collections.abc import Iterator

import pytest

from tests.support.command_runner import CommandRunner, start_command_runner


@pytest.fixture(scope="package")
def command_runner() -> Iterator[CommandRunner]:
    """Yield a runner of commands."""
    with start_command_runner() as runner:
        yield runner

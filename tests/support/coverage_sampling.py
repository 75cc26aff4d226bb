"""Plugin of pytest: coverage is measured for the first cases of each parametrised test only.

Tracing doubles the processor time of a test, and the further cases of a test seldom run other
lines. Without coverage (`--no-cov`) the plugin does nothing.
"""

import os
from collections import Counter
from collections.abc import Generator

import pytest
from coverage import Coverage

MEASURED_CASES = 3
"""Number of cases of a test in a process that are measured."""
SUBPROCESS_VARIABLE = "COVERAGE_PROCESS_CONFIG"
"""Environment variable by which coverage measures the processes that a test starts."""


class CoverageSampling:
    """Pauses the measurement during the cases of a test after the first ones."""

    def __init__(self) -> None:
        self._case_counts: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Measure a case, or pause the measurement while it runs."""
        test = item.nodeid.partition("[")[0]
        self._case_counts[test] += 1
        coverage = Coverage.current()
        if coverage is None or self._case_counts[test] <= MEASURED_CASES:
            return (yield)
        subprocess_config = os.environ.pop(SUBPROCESS_VARIABLE, None)
        coverage.stop()
        try:
            return (yield)
        finally:
            coverage.start()
            if subprocess_config is not None:
                os.environ[SUBPROCESS_VARIABLE] = subprocess_config

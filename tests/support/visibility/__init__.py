"""Who sees what: the gateway's answers compared with what tests/oracle.py says."""

import pytest

pytest.register_assert_rewrite(
    "tests.support.visibility.oracle_comparison", "tests.support.visibility.path_walk"
)

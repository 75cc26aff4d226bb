"""Visibility tests: comparison of the gateway's answers with tests/support/oracle.py."""

import pytest

pytest.register_assert_rewrite(
    "tests.support.visibility.oracle_comparison", "tests.support.visibility.path_walk"
)

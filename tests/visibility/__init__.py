"""Who sees what: the gateway's answers compared with what tests/oracle.py says."""

import pytest

pytest.register_assert_rewrite("tests.visibility.agreement", "tests.visibility.walk")

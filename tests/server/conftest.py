"""Fixtures of streaming tests, which the tests of metrics use, too."""

from tests.transports.conftest import gateway, url

__all__ = ["gateway", "url"]

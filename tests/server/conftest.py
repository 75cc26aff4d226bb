"""Fixtures of the tests of transports, shared with the tests of metrics."""

from tests.transports.conftest import gateway, url

__all__ = ["gateway", "url"]

"""Tests of gateway.rate_limits."""

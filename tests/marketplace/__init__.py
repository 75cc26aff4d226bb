"""Tests of gateway.marketplace."""

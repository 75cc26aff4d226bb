"""Tests of gateway.support."""

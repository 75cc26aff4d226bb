"""Tests of gateway.execution.runtime."""

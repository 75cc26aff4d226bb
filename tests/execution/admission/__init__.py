"""Tests of gateway.execution.plan."""

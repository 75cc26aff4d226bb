"""Tests of gateway.execution.planner."""

"""Tests of gateway.benchmarks."""

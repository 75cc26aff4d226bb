"""Tests of gateway.cli.check."""

"""Tests of gateway.system."""

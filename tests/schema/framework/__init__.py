"""Tests of gateway.schema.framework."""

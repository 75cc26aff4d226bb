"""Tests of gateway.schema.types."""

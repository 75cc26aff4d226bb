"""Tests of gateway.schema.lists."""

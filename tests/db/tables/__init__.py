"""Tests of gateway.db.tables."""

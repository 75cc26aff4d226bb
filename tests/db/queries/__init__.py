"""Tests of gateway.db.queries."""

"""Tests of gateway.db.access."""

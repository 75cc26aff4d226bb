"""Tests of gateway.db.events."""

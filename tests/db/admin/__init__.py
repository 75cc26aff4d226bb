"""Tests of gateway.db.admin."""

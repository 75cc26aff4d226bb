"""Tests of gateway.db.sql."""

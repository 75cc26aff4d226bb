"""Tests of gateway.db.driver."""

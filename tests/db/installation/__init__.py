"""Tests of gateway.db.installation."""

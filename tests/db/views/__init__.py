"""Tests of gateway.db.views."""

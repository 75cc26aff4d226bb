"""Tests of gateway.subscriptions."""

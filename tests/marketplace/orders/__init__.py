"""Tests of gateway.marketplace.orders."""

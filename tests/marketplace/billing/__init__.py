"""Tests of gateway.marketplace.billing."""

"""Tests of gateway.demo.marketplace."""

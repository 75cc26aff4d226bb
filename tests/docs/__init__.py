"""Tests of gateway.docs."""

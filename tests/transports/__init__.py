"""Tests of gateway.transports, over real connections."""

"""Tests of gateway.resolvers."""

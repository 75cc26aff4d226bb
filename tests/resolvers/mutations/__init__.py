"""Tests of gateway.resolvers.mutations."""

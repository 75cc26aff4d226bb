"""Tests of gateway.graphiql."""

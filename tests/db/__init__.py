"""The tests of gateway.db."""

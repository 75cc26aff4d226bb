"""The tests of gateway.demo."""

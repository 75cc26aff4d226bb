"""Tests of how subscriptions reach clients, over real connections."""

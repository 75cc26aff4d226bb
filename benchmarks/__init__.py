"""Benchmarks: the gateway and its peers, measured over the same tables."""

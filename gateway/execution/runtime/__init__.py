"""The runtime of plans."""

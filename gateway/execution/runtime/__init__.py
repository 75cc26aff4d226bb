"""The runtime: runs plans."""

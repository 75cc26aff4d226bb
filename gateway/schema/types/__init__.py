"""Published types, one a file."""

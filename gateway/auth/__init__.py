"""Authentication: from credentials to the viewer, and token refresh."""

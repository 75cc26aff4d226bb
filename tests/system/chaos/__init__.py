"""Things break: each subscriber hears all, or is told that it may not have."""

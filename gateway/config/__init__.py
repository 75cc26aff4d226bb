"""Settings: their definitions, parsers and sources."""

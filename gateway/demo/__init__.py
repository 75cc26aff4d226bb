"""The demo: its embedded PostgreSQL, its marketplace data, and its provider."""

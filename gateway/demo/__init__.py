"""The demo marketplace: its embedded database and its data."""

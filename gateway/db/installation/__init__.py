"""The installation: its tables and columns, content types and version rules."""

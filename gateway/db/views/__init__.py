"""Derived tables: selects that are read like tables."""

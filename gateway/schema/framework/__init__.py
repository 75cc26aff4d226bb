"""The declaration framework of published types."""

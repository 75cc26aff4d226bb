"""The life of orders."""

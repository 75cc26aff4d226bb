"""Mutations, one in each module."""

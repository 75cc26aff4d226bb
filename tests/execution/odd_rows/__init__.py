"""Odd rows: values that make no sense, and what they may change in responses."""

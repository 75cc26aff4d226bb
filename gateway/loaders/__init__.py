"""Batching: what is asked for in one tick goes to the database together."""

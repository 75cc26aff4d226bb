"""Admission of operations: their size and cost, measured before anything is executed."""

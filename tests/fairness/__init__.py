"""Tests of the package fairness."""

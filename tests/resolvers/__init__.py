"""Tests of what root fields do."""

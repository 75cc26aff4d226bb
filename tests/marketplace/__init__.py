"""Tests of facts and rules that stand in no table."""

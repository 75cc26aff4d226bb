"""Tests of the explorer's page."""

"""Tests of what subscribers are told."""

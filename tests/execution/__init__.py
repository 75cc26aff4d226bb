"""Tests of what happens between a document and its answer."""

"""Tests; the tree mirrors the gateway's."""

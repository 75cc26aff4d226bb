"""Tests of README.md and docs/: what they show is what the gateway does."""

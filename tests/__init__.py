"""Tests of the gateway; the folders mirror the package's."""

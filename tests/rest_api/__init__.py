"""Tests of gateway.rest_api."""

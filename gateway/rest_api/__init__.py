"""Waldur's REST API: operations are sent to it where a real Waldur has the marketplace."""

"""Transports of subscriptions: WebSockets and HTTP streams."""

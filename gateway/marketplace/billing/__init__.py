"""Billing: prices, limits, limit periods and invoices."""

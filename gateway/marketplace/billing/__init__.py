"""Prices, limits, periods and invoices."""

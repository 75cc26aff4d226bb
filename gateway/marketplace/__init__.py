"""Marketplace rules: permissions, prices, orders and other logic that no table stores."""

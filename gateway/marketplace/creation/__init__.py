"""Ordering a new resource: its facts, its checks, its price and its rows (rules.md §3)."""

"""The marketplace's own rules and facts that stand in no table."""

"""What this Waldur installation has: tables, columns, versions of rules."""

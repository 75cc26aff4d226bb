"""Published types: `types` has one type a file, `lists` filters and sort orders."""

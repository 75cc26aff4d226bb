"""The nouns that clients see: one type a file."""

"""Named queries beside the compiled ones."""

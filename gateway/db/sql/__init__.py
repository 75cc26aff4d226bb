"""The SQL compiler: it turns query specifications into statements."""

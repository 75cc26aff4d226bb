"""The SQL compiler: from query specifications to statements."""

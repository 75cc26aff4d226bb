"""`gateway check`: what it examines, and its report."""

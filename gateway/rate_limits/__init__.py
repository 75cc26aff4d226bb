"""Rate limits: what a client may cost in a minute."""

"""Fairness: long work of one client does not hold up the others, and takes bounded memory."""

"""A stand-in for Waldur: its REST API by description, carried out on a marketplace of our own."""

"""A made-up marketplace: its people, organisations, offerings, resources and orders."""

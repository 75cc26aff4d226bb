"""Generator of the demo marketplace: people, organisations, offerings, resources, orders."""

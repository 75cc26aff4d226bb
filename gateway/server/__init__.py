"""The server: application, lifespan, endpoint, metrics."""

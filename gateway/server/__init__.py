"""The server: application factory, routes, lifespan, endpoint, background tasks, metrics."""

"""Published GraphQL types, one in each module."""

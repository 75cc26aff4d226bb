"""A GraphQL gateway over the Waldur marketplace."""

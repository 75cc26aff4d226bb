"""Root types: the fields at which queries, mutations and subscriptions start."""

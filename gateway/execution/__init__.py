"""GraphQL execution: from a request's document to its response."""

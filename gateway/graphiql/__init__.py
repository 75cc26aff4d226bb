"""The page on which people try queries: GraphiQL, from files that the gateway brings along."""

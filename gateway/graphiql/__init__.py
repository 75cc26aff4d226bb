"""GraphiQL, the page to try out queries; all of its files are served by the gateway itself."""

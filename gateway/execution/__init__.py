"""From a document to its answer."""

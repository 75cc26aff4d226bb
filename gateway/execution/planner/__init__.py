"""The planner: from a document to a plan."""

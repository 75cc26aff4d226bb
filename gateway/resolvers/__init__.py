"""The verbs: where queries start."""

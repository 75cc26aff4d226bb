"""How fast the gateway answers, measured side by side with its peers over the same tables."""

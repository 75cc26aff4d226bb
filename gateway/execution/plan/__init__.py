"""Plans: nodes, generated code, serializers."""

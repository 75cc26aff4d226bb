"""Execution plans: nodes, generated code, serializers."""

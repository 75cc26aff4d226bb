"""The framework that published types are declared with; `declarations.py` describes it."""

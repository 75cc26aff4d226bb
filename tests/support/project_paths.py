"""Paths of the project's files that tests read."""

from pathlib import Path

PROJECT_ROOT = Path(__file__).parents[2]
WALDUR_FILES = PROJECT_ROOT / "tests" / "waldur"
"""Tables, rows and REST answers of a real Waldur of October 2024."""

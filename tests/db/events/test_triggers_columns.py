"""Check which columns are untracked and published, and that publishing needs no other triggers."""

import subprocess
import sys

from gateway.db import tables
from gateway.db.events import triggers


def test_all_columns_but_untracked_are_published() -> None:
    column_names = {each.name for each in tables.resource.c}
    assert column_names >= triggers.UNTRACKED_COLUMNS
    assert column_names - triggers.UNTRACKED_COLUMNS == triggers.PUBLISHED_COLUMNS


PRINT_VERSION_SCRIPT = """
from sqlalchemy import Column, Text
from gateway.db import tables
tables.resource.append_column(Column("fresh", Text))
from gateway.db.events import triggers
assert "fresh" in triggers.PUBLISHED_COLUMNS
print(triggers.FUNCTION_VERSION)
"""


def test_publishing_a_column_leaves_triggers_current() -> None:
    arguments = [sys.executable, "-c", PRINT_VERSION_SCRIPT]
    process = subprocess.run(arguments, capture_output=True, check=True, text=True)
    assert process.stdout.strip() == triggers.FUNCTION_VERSION

"""Record of the statements that write transactions run in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from gateway.db.driver import transactions


@contextmanager
def record_statements() -> Iterator[list[str]]:
    """Record the SQL of all statements of write transactions, in their order."""
    statements: list[str] = []

    class RecordingCursor(psycopg.AsyncRawCursor[Any]):
        async def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
            statements.append(query.decode())
            return await super().execute(query, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transactions, "AsyncRawCursor", RecordingCursor)
        yield statements

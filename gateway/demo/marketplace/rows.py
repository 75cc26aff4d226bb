"""Writer of rows: buffers per table that are loaded with COPY."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from random import Random
from typing import Any

import msgspec
import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Table

from gateway.db import tables
from gateway.db.driver.row_access import column_default

MAX_PENDING_ROWS = 5000
_JSON_TYPES = {dict, list}


class RowWriter:
    """Writer of the demo's rows, and source of their random values and dates.

    Rows are buffered per table and written by COPY. Equal seeds and reference days give equal
    rows: keys are counted here, and all random values come from `random`. A named stream
    (`use_random_stream`) has a generator of its own, so that the number of values drawn from it
    does not change the values drawn afterwards.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], *, seed: int, reference_day: date
    ) -> None:
        self.random = Random(seed)
        self._random_stream = cache(lambda name: Random(f"{seed} {name}"))
        self.reference_day = reference_day
        self._midnight = datetime.combine(reference_day, time(), UTC)
        self._connection = connection
        self._buffers = {each: _TableBuffer(each) for each in tables.metadata.sorted_tables}

    def add_row(self, table: Table[Any], **values: Any) -> int:
        """Add a row; return its key. Missing values are null, or the default if required."""
        buffer = self._buffers[table]
        if buffer.has_uuid and "uuid" not in values:
            values["uuid"] = self.generate_uuid()
        if len(buffer.pending_rows) >= MAX_PENDING_ROWS:
            self._flush_buffer(buffer)
        return buffer.append_row(values)

    def flush_rows(self) -> None:
        """Write all buffered rows, and restart each table's identity after its last key."""
        for table, buffer in self._buffers.items():
            self._flush_buffer(buffer)
            if buffer.last_key and "id" in table.c:
                restart_identity = SQL("alter table {} alter id restart with {}")
                self._connection.execute(
                    restart_identity.format(Identifier(table.name), buffer.last_key + 1)
                )

    @contextmanager
    def use_random_stream(self, name: str) -> Iterator[None]:
        """Make `random` a named stream within the context; later values do not depend on it."""
        main_stream, self.random = self.random, self._random_stream(name)
        try:
            yield
        finally:
            self.random = main_stream

    def generate_uuid(self) -> str:
        """Return a random UUID in 32 hex digits."""
        digits = f"{self.random.getrandbits(120):030x}"
        return f"{digits[:12]}4{digits[12:15]}a{digits[15:]}"

    def days_ago(self, days: float) -> datetime:
        """Return the moment `days` before the reference day began."""
        return self._midnight - timedelta(days=days)

    def days_ahead(self, days: int) -> date:
        """Return the day `days` after the reference day."""
        return self.reference_day + timedelta(days=days)

    def draw_chance(self, probability: float) -> bool:
        """Return True with a probability."""
        return self.random.random() < probability

    def _flush_buffer(self, buffer: "_TableBuffer") -> None:
        if not buffer.pending_rows:
            return
        with self._connection.cursor().copy(buffer.statement) as copy:
            for row in buffer.pending_rows:
                copy.write_row(row)
        buffer.pending_rows.clear()


class _TableBuffer:
    """Buffer of the rows of one table that are not yet written."""

    def __init__(self, table: Table[Any]) -> None:
        self.last_key = 0
        self.pending_rows: list[list[Any]] = []
        columns = [each for each in table.c if not each.system]
        self._default_row = [column_default(each) for each in columns]
        self._column_positions = {each.name: position for position, each in enumerate(columns)}
        self.has_uuid = "uuid" in self._column_positions
        self.statement = SQL("copy {} ({}) from stdin").format(
            Identifier(table.name), SQL(", ").join(map(Identifier, self._column_positions))
        )

    def append_row(self, values: dict[str, Any]) -> int:
        """Append a row; return its key."""
        self.last_key = values.get("id", self.last_key + 1)
        row, column_positions = self._default_row.copy(), self._column_positions
        for name, value in values.items():
            is_json = type(value) in _JSON_TYPES
            row[column_positions[name]] = msgspec.json.encode(value).decode() if is_json else value
        if "id" in column_positions:
            row[column_positions["id"]] = self.last_key
        if "modified" in column_positions and "modified" not in values:
            row[column_positions["modified"]] = values["created"]
        self.pending_rows.append(row)
        return self.last_key

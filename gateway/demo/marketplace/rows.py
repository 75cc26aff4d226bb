"""Rows on their way into the database."""

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
from gateway.db.driver.transactions import blank

BATCH = 5000
_JSON = {dict, list}


class Rows:
    """What is written by COPY, a batch at a time; equal for equal `seed` and `day`."""

    def __init__(self, connection: psycopg.Connection[Any], *, seed: int, day: date) -> None:
        self.random = Random(seed)
        self._stream = cache(lambda name: Random(f"{seed} {name}"))
        self.day = day
        self._midnight = datetime.combine(day, time(), UTC)
        self._connection = connection
        self._sheets = {each: _Sheet(each) for each in tables.metadata.sorted_tables}

    def add(self, table: Table[Any], **values: Any) -> int:
        """Add a row and give its key; what is not given is null or, where it can't be, empty."""
        sheet = self._sheets[table]
        if sheet.has_uuid and "uuid" not in values:
            values["uuid"] = self.uuid()
        if len(sheet.pending) >= BATCH:
            self._write(sheet)
        return sheet.append(values)

    def write(self) -> None:
        """Write what is pending, and let new rows have keys after those that were given."""
        for table, sheet in self._sheets.items():
            self._write(sheet)
            if sheet.last and "id" in table.c:
                restart = SQL("alter table {} alter id restart with {}")
                self._connection.execute(restart.format(Identifier(table.name), sheet.last + 1))

    @contextmanager
    def apart(self, name: str) -> Iterator[None]:
        """Draw from a stream of that name meanwhile, so that what follows is as it would be."""
        usual, self.random = self.random, self._stream(name)
        try:
            yield
        finally:
            self.random = usual

    def uuid(self) -> str:
        """Make a random uuid, in 32 hex digits."""
        digits = f"{self.random.getrandbits(120):030x}"
        return f"{digits[:12]}4{digits[12:15]}a{digits[15:]}"

    def ago(self, days: float) -> datetime:
        """Give the moment so many days before the reference day began."""
        return self._midnight - timedelta(days=days)

    def ahead(self, days: int) -> date:
        """Give the day so many days after the reference day."""
        return self.day + timedelta(days=days)

    def chance(self, share: float) -> bool:
        """Be true in a `share` of cases."""
        return self.random.random() < share

    def _write(self, sheet: "_Sheet") -> None:
        if not sheet.pending:
            return
        with self._connection.cursor().copy(sheet.statement) as copy:
            for row in sheet.pending:
                copy.write_row(row)
        sheet.pending.clear()


class _Sheet:
    """The rows of one table that are not written yet."""

    def __init__(self, table: Table[Any]) -> None:
        self.last = 0
        self.pending: list[list[Any]] = []
        columns = [each for each in table.c if not each.system]
        self._blank = [blank(each) for each in columns]
        self._places = {each.name: place for place, each in enumerate(columns)}
        self.has_uuid = "uuid" in self._places
        self.statement = SQL("copy {} ({}) from stdin").format(
            Identifier(table.name), SQL(", ").join(map(Identifier, self._places))
        )

    def append(self, values: dict[str, Any]) -> int:
        """Take a row, give its key."""
        self.last = values.get("id", self.last + 1)
        row, places = self._blank.copy(), self._places
        for name, value in values.items():
            known = type(value) in _JSON
            row[places[name]] = msgspec.json.encode(value).decode() if known else value
        if "id" in places:
            row[places["id"]] = self.last
        if "modified" in places and "modified" not in values:
            row[places["modified"]] = values["created"]
        self.pending.append(row)
        return self.last

"""The loaders of one request, for graphql-core's resolvers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import Ask, Rows
from gateway.db.driver.encoding import text
from gateway.db.query_spec import Read
from gateway.db.sql.compiler import Statements
from gateway.loaders.dispatch import Loader, Rounds, Runs

Parameters = Mapping[str, str | None]
NO_KEY = ()
"""What a read without keys is loaded by."""


class Loads:
    """Loads rows by the key they are found by, batched: one loader for each read."""

    def __init__(self, database: Runs, statements: Statements, viewer: Viewer) -> None:
        """Load what `viewer` sees."""
        self._statements, self._viewer = statements, viewer
        self._rounds = Rounds(database)
        self._loaders: dict[Any, Loader] = {}

    async def rows(self, read: Read, key: Any, parameters: Parameters | None = None) -> Rows:
        """Load the rows that `read` finds under `key`; `parameters` are those of its conditions."""
        given = parameters or {}
        name = (read, *given.items())
        loader = self._loaders.get(name)
        if loader is None:
            loader = self._loaders[name] = Loader(self._rounds, _Batch(self, read, given))
        rows: Rows = await loader.load(NO_KEY if read.match is None else key)
        return rows

    def stop(self) -> None:
        """Load nothing any more: nobody waits for it."""
        self._rounds.stop()

    def ask(self, read: Read, parameters: Parameters) -> Ask | None:
        """Give the statement of `read` and its values; None if there is nothing to find."""
        made = self._statements.of(read, self._viewer.sight)
        if made is None:
            return None
        given = {**self._viewer.parameters, **parameters}
        return made, tuple([given[name] for name in made.parameters])


class _Batch:
    """How the keys of one read become a statement, and its rows each key's."""

    def __init__(self, loads: Loads, read: Read, parameters: Parameters) -> None:
        self._loads, self._read, self._parameters = loads, read, parameters

    def ask(self, keys: Sequence[Any]) -> Ask | None:
        return self._loads.ask(self._read, {**self._parameters, "keys": text(list(keys))})

    def sort(self, keys: Sequence[Any], rows: Rows) -> list[Rows]:
        if self._read.match is None:
            return [rows]
        found: dict[Any, Rows] = defaultdict(list)
        for row in rows:
            found[row[0]].append(row)
        return [found[each] for each in keys]

"""The loaders of one request, for graphql-core's resolvers."""

from collections import defaultdict
from typing import Any

from aiodataloader import DataLoader

from gateway.db.database import Ask, Database, Rows
from gateway.db.read import Read
from gateway.db.statement import Statements
from gateway.db.values import text
from gateway.db.visibility import Viewer

Parameters = dict[str, str | None]


class Loads:
    """Loads rows by the key they are found by, batched.

    Each read has a loader of its own, made on first use. What their batches ask
    for in one tick goes to the database together, through a loader of
    statements, and comes back together: the number of statements depends on
    the document, never on chance.
    """

    def __init__(self, database: Database, statements: Statements, viewer: Viewer) -> None:
        self.viewer = viewer
        self._statements = statements
        self._asks: DataLoader[Ask, Rows] = DataLoader(database.run)
        self._loaders: dict[Any, DataLoader[Any, Rows]] = {}

    async def rows(self, read: Read, key: Any, parameters: Parameters | None = None) -> Rows:
        """Load the rows that `read` finds under `key`; `parameters` are those of its conditions."""
        given = parameters or {}
        if read.match is None:
            return await self._ask(read, given)
        name = (read, *given.items())
        if name not in self._loaders:

            async def batch(keys: list[Any]) -> list[Rows]:
                found: dict[Any, Rows] = defaultdict(list)
                for row in await self._ask(read, {**given, "keys": text(keys)}):
                    found[row[0]].append(row)
                return [found[each] for each in keys]

            self._loaders[name] = DataLoader(batch)
        return await self._loaders[name].load(key)

    async def _ask(self, read: Read, parameters: Parameters) -> Rows:
        made = self._statements.of(read, self.viewer.everything)
        if made is None:
            return []
        given = {**self.viewer.parameters, **parameters}
        return await self._asks.load((made, tuple([given[name] for name in made.parameters])))

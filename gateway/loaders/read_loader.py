"""The row loader of one request, for graphql-core's resolvers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import Rows, StatementRequest
from gateway.db.driver.encoding import encode_text
from gateway.db.query_spec import QuerySpec
from gateway.db.sql.compiler import StatementCompiler
from gateway.loaders.dispatch import BatchDispatcher, KeyLoader, StatementRunner

QueryParameters = Mapping[str, str | None]
NO_KEY = ()
"""The loader key of specifications without a key column."""


class ReadLoader:
    """Batched loading of rows: one dataloader for each query specification and its parameters.

    The specification includes the access path, so rows that were loaded by one
    path never answer for another.
    """

    def __init__(
        self,
        database: StatementRunner,
        statement_compiler: StatementCompiler,
        viewer: Viewer,
        shared_dispatcher: BatchDispatcher | None = None,
    ) -> None:
        """Load rows for a viewer.

        With a dispatcher that it shares with statements which write, nothing is cached.
        """
        self._statement_compiler, self._viewer = statement_compiler, viewer
        self.has_cache = shared_dispatcher is None
        """Whether rows are loaded once, and loads at the same time by one batch."""
        self._dispatcher = shared_dispatcher or BatchDispatcher(database)
        self._loaders: dict[Any, KeyLoader] = {}

    async def load_rows(
        self, query_spec: QuerySpec, key: Any, parameters: QueryParameters | None = None
    ) -> Rows:
        """Load the rows of a specification under one key.

        `parameters` are those of the specification's conditions. The key is ignored
        if the specification has no key column.
        """
        parameters = parameters or {}
        loader_key = (query_spec, *parameters.items())
        loader = self._loaders.get(loader_key)
        if loader is None:
            loader = self._loaders[loader_key] = KeyLoader(
                self._dispatcher,
                _QueryBatch(self, query_spec, parameters),
                has_cache=self.has_cache,
            )
        rows: Rows = await loader.load(NO_KEY if query_spec.key_column is None else key)
        return rows

    def stop(self) -> None:
        """Load nothing more, because the request has ended."""
        self._dispatcher.stop()

    async def build_request(
        self, query_spec: QuerySpec, parameters: QueryParameters
    ) -> StatementRequest | None:
        """Return the statement of a specification with its parameters.

        None if the installation lacks the table, so that there are no rows.
        """
        statement = await self._statement_compiler.load_statement(
            query_spec, self._viewer.access_shape, self._viewer.user_id
        )
        if statement is None:
            return None
        values = {**self._viewer.parameters, **parameters}
        return statement, tuple([values[name] for name in statement.parameter_names])


class _QueryBatch:
    """The batch of keys of one query specification."""

    def __init__(
        self, read_loader: ReadLoader, query_spec: QuerySpec, parameters: QueryParameters
    ) -> None:
        self._read_loader, self._query_spec, self._parameters = read_loader, query_spec, parameters

    async def build_request(self, keys: Sequence[Any]) -> StatementRequest | None:
        return await self._read_loader.build_request(
            self._query_spec, {**self._parameters, "keys": encode_text(list(keys))}
        )

    def group_rows(self, keys: Sequence[Any], rows: Rows) -> list[Rows]:
        if self._query_spec.key_column is None:
            return [rows]
        rows_by_key: dict[Any, Rows] = defaultdict(list)
        for row in rows:
            rows_by_key[row[0]].append(row)
        return [rows_by_key[each] for each in keys]

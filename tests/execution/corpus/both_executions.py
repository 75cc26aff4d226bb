"""Both executions over one marketplace, for several viewers."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg

from gateway.api import schema
from gateway.db.access.viewer import Viewer
from gateway.execution.executor import Executor, GraphQLResult
from gateway.execution.graphql_request import GraphQLRequest
from gateway.marketplace.change_service import ChangeService, DisabledChangeService
from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import DEFAULT_MAX_ANSWER_ROWS, RequestContext, RowBudget
from tests.execution.corpus.document_files import CURSOR_VARIABLES, CorpusCase
from tests.execution.corpus.known_rows import (
    NESTED_LISTS,
    PAGE_ENDS,
    ROOT_LISTS,
    SAMPLE_SELECTIONS,
    VISIBLE_ROWS_QUERY,
    KnownRows,
    collect_samples,
    collect_uuids,
    find_cursors,
    list_orders,
    write_cursor_query,
)
from tests.support.marketplaces import MEDIA_BASE_URL, Marketplace
from tests.support.operation_limits import LARGE_POLICY
from tests.support.visibility.oracle_expectation import TABLES_BY_TYPE
from tests.support.visibility.viewer_scenes import Viewpoint

CORPUS_VIEWPOINTS = (
    *(
        Viewpoint("demo", username)
        for username in ("staff", "member", "owner", "provider", "resource_user")
    ),
    Viewpoint("demo", None),
    *(Viewpoint("waldur", username) for username in ("owner_c", "offering_manager_b")),
)
"""The viewers of the corpus, with their marketplaces."""
FEW_VIEWPOINTS = CORPUS_VIEWPOINTS[::6]
"""Some of them, for the many documents derived from the schema."""
RANDOM_VIEWPOINTS = (
    *CORPUS_VIEWPOINTS,
    Viewpoint("demo", "nobody"),
    Viewpoint("waldur", "staff"),
    *CORPUS_VIEWPOINTS[:5],
)
"""The viewers of random documents; those who see much come up twice."""
REQUEST_ID = "the-request"


class ResultPair(NamedTuple):
    """The responses of both executions to one request."""

    compiled: GraphQLResult
    reference: GraphQLResult
    counted_as: str
    """The key of `Executor.execution_counts` that the compiled execution increased."""

    @property
    def is_equal(self) -> bool:
        """Whether the responses are the same, byte for byte."""
        return (self.compiled.encode(), self.compiled.is_rejected) == (
            self.reference.encode(),
            self.reference.is_rejected,
        )

    @property
    def reference_body(self) -> Any:
        """The decoded response of the reference execution."""
        return json.loads(self.reference.encode())


@dataclass
class DualExecutor:
    """One marketplace with both executions."""

    marketplace: Marketplace
    all_uuids: dict[str, list[str]]
    _known_rows: dict[Viewpoint, KnownRows] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Create the executors."""
        self.reset_executors()
        self.max_rows = DEFAULT_MAX_ANSWER_ROWS
        """The row limit of responses."""
        self.change_service: ChangeService = DisabledChangeService()
        """The service of mutations, which are disabled at first."""
        self._viewers: dict[Viewpoint, Viewer] = {}

    @classmethod
    def open_over(cls, marketplace: Marketplace) -> "DualExecutor":
        """Return the executors of a marketplace, with the uuids of some rows of each type."""
        all_uuids = {}
        with psycopg.connect(marketplace.url) as connection:
            for name, table in TABLES_BY_TYPE.items():
                is_missing = connection.execute(
                    "select to_regclass(%s) is null", [table]
                ).fetchone()
                uuids: list[str] = []
                if is_missing == (False,):
                    rows = connection.execute(f"select uuid from {table} order by id".encode())
                    uuids = [uuid.hex for (uuid,) in rows]
                all_uuids[name] = uuids[:: len(uuids) // 20 + 1]
        return cls(marketplace, all_uuids)

    def reset_executors(self) -> None:
        """Replace the executors by new ones, with empty caches and counts."""
        self.compiled_executor = Executor(schema, policy=LARGE_POLICY, execution="compiled")
        self.reference_executor = Executor(schema, policy=LARGE_POLICY, execution="reference")

    def forget_viewers(self) -> None:
        """Load the viewers again, because their rows have changed."""
        self._viewers.clear()

    async def execute_both(
        self, graphql_request: GraphQLRequest, viewpoint: Viewpoint
    ) -> ResultPair:
        """Execute a request by both executions."""
        counts_before = Counter(self.compiled_executor.execution_counts)
        compiled_result = await self._execute(self.compiled_executor, graphql_request, viewpoint)
        (counted_as,) = (self.compiled_executor.execution_counts - counts_before).elements()
        return ResultPair(
            compiled_result,
            await self._execute(self.reference_executor, graphql_request, viewpoint),
            counted_as,
        )

    async def _execute(
        self, executor: Executor, graphql_request: GraphQLRequest, viewpoint: Viewpoint
    ) -> GraphQLResult:
        marketplace = self.marketplace
        marketplace.database.recorded_sql = []
        if viewpoint not in self._viewers:
            self._viewers[viewpoint] = await marketplace.load_viewer(
                viewpoint.username, viewpoint.address
            )
        viewer, budget = self._viewers[viewpoint], RowBudget(self.max_rows)
        context = RequestContext(
            marketplace.database,
            marketplace.statement_compiler,
            Requester(viewer),
            MEDIA_BASE_URL,
            budget,
            self.change_service,
        )
        return await executor.execute(graphql_request, context)

    async def known_rows(self, viewpoint: Viewpoint) -> KnownRows:
        """Return the rows, values and cursors that a viewer's documents may use."""
        if viewpoint not in self._known_rows:
            self._known_rows[viewpoint] = await self._load_known_rows(viewpoint)
        return self._known_rows[viewpoint]

    async def _load_known_rows(self, viewpoint: Viewpoint) -> KnownRows:
        visible_data = await self._fetch_data(VISIBLE_ROWS_QUERY, viewpoint)
        filters = {
            name: collect_samples(
                *(await self._fetch_data(f"{{ {selection} }}", viewpoint)).values()
            )
            for name, selection in SAMPLE_SELECTIONS.items()
        }
        cursor_data = await self._fetch_data(
            f"{{ {write_cursor_query()} }}", viewpoint._replace(username="staff")
        )
        cursors_by_order = {
            f"{name}.{order}": [
                cursor
                for end in PAGE_ENDS
                for cursor in find_cursors(cursor_data[f"{name}_{order}_{end}"])
            ]
            for name in ROOT_LISTS | NESTED_LISTS
            for order in list_orders(name)
        }
        return KnownRows(self.all_uuids, collect_uuids(visible_data), filters, cursors_by_order)

    async def _fetch_data(self, query: str, viewpoint: Viewpoint) -> Any:
        result = await self._execute(self.reference_executor, GraphQLRequest(query), viewpoint)
        body = json.loads(result.encode())
        assert "errors" not in body, body["errors"][:1]
        return body["data"]

    async def run_case(self, case: CorpusCase, viewpoint: Viewpoint) -> ResultPair:
        """Execute a case, and its next page if it has one; check that the responses are equal.

        Also checks how they are counted. Returns the responses to the last request.
        """
        known_variables = (await self.known_rows(viewpoint)).make_variables()
        variables = {
            name: known_variables[name] for name in case.open_variables if name in known_variables
        } | case.variables
        result_pair = await self._execute_case(case, variables, viewpoint)
        if case.has_next_page:
            bounds = dict(reversed([*find_page_bounds(result_pair.reference_body)]))
            cursor_variables = {
                name: cursor for name, cursor in bounds.items() if name in case.open_variables
            }
            result_pair = await self._execute_case(
                case, {**variables, **cursor_variables}, viewpoint
            )
        return result_pair

    async def _execute_case(
        self, case: CorpusCase, variables: dict[str, Any], viewpoint: Viewpoint
    ) -> ResultPair:
        graphql_request = GraphQLRequest(case.query, variables, case.operation, REQUEST_ID)
        result_pair = await self.execute_both(graphql_request, viewpoint)
        assert result_pair.is_equal, describe_results(graphql_request, viewpoint, result_pair)
        assert result_pair.counted_as == case.counted_as, describe_results(
            graphql_request, viewpoint, result_pair
        )
        return result_pair


def find_page_bounds(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the variables `after` and `before` with the ends of each page in a response."""
    children = list(value.values()) if isinstance(value, dict) else value
    for child in children if isinstance(children, list) else ():
        yield from find_page_bounds(child)
    if isinstance(value, dict) and value.get("endCursor"):
        yield from zip(
            CURSOR_VARIABLES, (value["endCursor"], value.get("startCursor")), strict=True
        )


def describe_results(
    graphql_request: GraphQLRequest, viewpoint: Viewpoint, result_pair: ResultPair
) -> str:
    """Return a readable description of the responses to a request."""
    return "\n".join(
        [
            f"Executed as {viewpoint}, counted as {result_pair.counted_as}:",
            graphql_request.query,
            json.dumps(graphql_request.variables, indent=2),
            f"operation: {graphql_request.operation_name}",
            "compiled:  " + result_pair.compiled.encode().decode(),
            "reference: " + result_pair.reference.encode().decode(),
        ]
    )

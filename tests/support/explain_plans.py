"""Query plans of documents: which large tables PostgreSQL would scan sequentially."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type, is_list_type

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.database import PendingRequest
from tests.execution.corpus.known_rows import FILTER_COMBINATORS
from tests.support.marketplaces import Marketplace, RecordingDatabase
from tests.support.schema_documents import SCHEMA, select_all_fields, select_mapped_fields
from tests.support.visibility.schema_paths import ROOT_FIELDS_BY_TYPE
from tests.support.visibility.viewer_scenes import encode_global_id

MIN_LARGE_TABLE_ROWS = 5000
"""The size of a large table; the tables of the catalogue and of users are smaller."""
ROW_TYPES_BY_LIST = {
    "resources": "Resource",
    "offerings": "Offering",
    "orders": "Order",
    "projects": "Project",
    "customers": "Customer",
}
SEARCH_VALUES = "no such thing", "0" * 32
SEARCHING_QUERIES = (
    'query { resources(query: "no such text") { totalCount } }',
    'query { resources(filter: { name: "no such text" }) { totalCount } }',
    'query { orders(filter: { resourceName: "no such text" }) { nodes { uuid } } }',
)
"""Queries that read all resources with a part of a text, by the index of searches."""
SAMPLE_VALUES: dict[str, Any] = {
    "String": "no such thing",
    "Boolean": True,
    "Int": 2,
    "JSON": {"image": ["none"], "flavor": "none"},
    "Date": "2026-06-30",
    "DateTime": "2026-06-30T12:00:00Z",
    "UUID": "0" * 32,
}
SqlWithValues = tuple[str, Sequence[str | None]]


class ExplainedDocument(NamedTuple):
    """A named document with values of its variables."""

    name: str
    query: str
    variables: dict[str, Any]


class RequestRecordingDatabase(RecordingDatabase):
    """A database that records statements with their parameter values."""

    requests: list[SqlWithValues]

    def send(self, queue: Sequence[PendingRequest]) -> None:
        """Record the requests and send them."""
        self.requests.extend((statement.sql, values) for (statement, values), _ in queue)
        super().send(queue)


def _select_all_fields(row_type: str) -> str:
    """Return a selection of all fields, two levels deep, without totals, which scan all rows."""
    return select_all_fields(row_type, 1).replace("totalCount ", "")


def _order_values(row_type: str) -> list[str]:
    orders = SCHEMA.type_map[f"{row_type}Order"]
    assert isinstance(orders, GraphQLEnumType)
    return list(orders.values)


def list_page_documents() -> Iterator[ExplainedDocument]:
    """Yield documents for the first page of each list: in each order, and with all fields."""
    for root, row_type in ROW_TYPES_BY_LIST.items():
        for order in _order_values(row_type):
            query = f"{{ {root}(orderBy: {order}) {{ nodes {{ uuid created }} }} }}"
            yield ExplainedDocument(f"{root} {order}", query, {})
        query = f"{{ {root} {{ nodes {{ {_select_all_fields(row_type)} }} }} }}"
        yield ExplainedDocument(f"{root} with all", query, {})


def list_contract_documents() -> Iterator[ExplainedDocument]:
    """Yield a document for a page of resources with all fields of rest-map.tsv."""
    query = f"{{ resources(first: 50) {{ nodes {{ {select_mapped_fields()} }} }} }}"
    yield ExplainedDocument("resources as promised", query, {})


def list_filter_documents() -> Iterator[ExplainedDocument]:
    """Yield documents for the first page of lists with each filter field and list argument."""
    for root, row_type in ROW_TYPES_BY_LIST.items():
        filters = SCHEMA.type_map[f"{row_type}Filter"]
        assert isinstance(filters, GraphQLInputObjectType)
        for name in filters.fields.keys() - FILTER_COMBINATORS:
            filter_value = {name: _sample_value(filters.fields[name].type)}
            query = f"query($f: {row_type}Filter) {{ {root}(filter: $f) {{ nodes {{ uuid }} }} }}"
            yield ExplainedDocument(f"{root}.{name}", query, {"f": filter_value})
    for root in ROW_TYPES_BY_LIST.keys() - {"orders"}:
        query = f"query($q: String) {{ {root}(query: $q) {{ nodes {{ uuid }} }} }}"
        for search_value in SEARCH_VALUES:
            yield ExplainedDocument(f"{root} by query", query, {"q": search_value})
    for arguments in ("visibleAs: CONSUMER", "visibleAs: PROVIDER", 'visibleToUsername: "owner"'):
        yield ExplainedDocument(
            arguments, f"{{ resources({arguments}) {{ nodes {{ uuid }} }} }}", {}
        )


def list_single_row_documents(uuids: Mapping[str, str]) -> Iterator[ExplainedDocument]:
    """Yield documents for single rows by uuid and by id with all fields, and for `nodes`."""
    for row_type, uuid in uuids.items():
        selection = _select_all_fields(row_type)
        if row_type in ROOT_FIELDS_BY_TYPE:
            root = ROOT_FIELDS_BY_TYPE[row_type]
            query = f"query($u: UUID!) {{ {root}(uuid: $u) {{ {selection} }} }}"
            yield ExplainedDocument(root, query, {"u": uuid})
        query = f"query($i: ID!) {{ node(id: $i) {{ ... on {row_type} {{ {selection} }} }} }}"
        yield ExplainedDocument(f"node: {row_type}", query, {"i": encode_global_id(row_type, uuid)})
    ids = [encode_global_id(row_type, uuid) for row_type, uuid in uuids.items()]
    yield ExplainedDocument(
        "nodes", "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids}
    )


def _sample_value(type_: Any) -> Any:
    named_type = get_named_type(type_)
    value = (
        list(named_type.values)[1]
        if isinstance(named_type, GraphQLEnumType)
        else SAMPLE_VALUES[named_type.name]
    )
    return [value] if is_list_type(type_) else value


async def record_statements(
    marketplace: Marketplace, document: ExplainedDocument, as_: str
) -> list[SqlWithValues]:
    """Return the statements of a document, including those that load the viewer."""
    database = marketplace.database
    assert isinstance(database, RequestRecordingDatabase)
    database.requests = []
    await marketplace.fetch_data(document.query, as_, **document.variables)
    return database.requests


class StatementPlanner:
    """Explains statements with the settings of the gateway's connections."""

    def __init__(self, url: str) -> None:
        """Connect with the options of the gateway's own connections."""
        options = {
            "options": ConnectionOptions(url, statement_seconds=10).connect_arguments["options"]
        }
        self.connection = psycopg.connect(
            url, autocommit=True, cursor_factory=psycopg.ClientCursor, **options
        )
        self._prepared_sql: set[str] = set()

    def find_large_tables(self) -> set[str]:
        """Return the names of the large tables."""
        statement = "select relname from pg_class where relkind = 'r' and reltuples >= %s"
        return {name for (name,) in self.connection.execute(statement, [MIN_LARGE_TABLE_ROWS])}

    def explain_statement(self, request: SqlWithValues, *options: str) -> list[dict[str, Any]]:
        """Return the nodes of a statement's generic plan."""
        sql, values = request
        name = f"s{abs(hash(sql))}"
        if sql not in self._prepared_sql:
            self._prepared_sql.add(sql)
            self.connection.execute(f"prepare {name} as {sql}".encode())
        placeholders = f"({', '.join(['%s'] * len(values))})" if values else ""
        explain_sql = (
            f"explain ({', '.join(['format json', *options])}) execute {name}{placeholders}"
        )
        ((plans,),) = self.connection.execute(explain_sql.encode(), values).fetchall()
        return list(_flatten_plan(plans[0]["Plan"]))


def _flatten_plan(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child_node in node.get("Plans", ()):
        yield from _flatten_plan(child_node)


def find_scanned_tables(nodes: Sequence[dict[str, Any]], tables: Collection[str]) -> set[str]:
    """Return the tables that are scanned sequentially."""
    scans = (each for each in nodes if each["Node Type"] == "Seq Scan")
    return {each["Relation Name"] for each in scans} & {*tables}


def count_rows_read(nodes: Sequence[dict[str, Any]], tables: Collection[str]) -> int:
    """Return the number of rows read from the tables, including those that filters removed."""
    return sum(
        int(node["Actual Loops"] * sum(node.get(name, 0) for name in _ROW_COUNTERS))
        for node in nodes
        if node.get("Relation Name") in tables
    )


_ROW_COUNTERS = "Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck"

"""What PostgreSQL plans to do for each document: which of the large tables it reads as a whole."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type, is_list_type

from gateway.db.driver.connection_options import Session
from gateway.db.driver.database import Awaited
from tests.execution.corpus.known_rows import JOINING
from tests.support.marketplaces import Marketplace, Recorded
from tests.support.schema_documents import SCHEMA, contract, everything
from tests.support.visibility.schema_paths import BY_UUID
from tests.support.visibility.viewer_scenes import global_id

LARGE = 5000
"""A table with so many rows is large; the catalogue and the people are not."""
LISTS = {
    "resources": "Resource",
    "offerings": "Offering",
    "orders": "Order",
    "projects": "Project",
    "customers": "Customer",
}
SEARCHED = "no such thing", "0" * 32
USUAL: dict[str, Any] = {
    "String": "no such thing",
    "Boolean": True,
    "Int": 2,
    "JSON": {"image": ["none"], "flavor": "none"},
    "Date": "2026-06-30",
    "DateTime": "2026-06-30T12:00:00Z",
    "UUID": "0" * 32,
}
Ask = tuple[str, Sequence[str | None]]


class Document(NamedTuple):
    """A document, what stands for its variables, and what to call it."""

    name: str
    query: str
    variables: dict[str, Any]


class Kept(Recorded):
    """A database that keeps what it was asked, with the values."""

    kept: list[Ask]

    def send(self, queue: Sequence[Awaited]) -> None:
        """Run what is asked for, and keep it."""
        self.kept.extend((statement.sql, values) for (statement, values), _ in queue)
        super().send(queue)


def _inside(row: str) -> str:
    """Select all that is in a row, and in what it leads to; counting reads what is counted."""
    return everything(row, 1).replace("totalCount ", "")


def _order(row: str) -> list[str]:
    orders = SCHEMA.type_map[f"{row}Order"]
    assert isinstance(orders, GraphQLEnumType)
    return list(orders.values)


def pages() -> Iterator[Document]:
    """Ask for the first page of each list in each order, without and with all that is in it."""
    for root, row in LISTS.items():
        for order in _order(row):
            query = f"{{ {root}(orderBy: {order}) {{ nodes {{ uuid created }} }} }}"
            yield Document(f"{root} {order}", query, {})
        query = f"{{ {root} {{ nodes {{ {_inside(row)} }} }} }}"
        yield Document(f"{root} with all", query, {})


def promised() -> Iterator[Document]:
    """Ask for a page with all that is promised of resources."""
    query = f"{{ resources(first: 50) {{ nodes {{ {contract()} }} }} }}"
    yield Document("resources as promised", query, {})


def filtered() -> Iterator[Document]:
    """Ask for the first page with each field of each filter, and with what else narrows a list."""
    for root, row in LISTS.items():
        filters = SCHEMA.type_map[f"{row}Filter"]
        assert isinstance(filters, GraphQLInputObjectType)
        for name in filters.fields.keys() - JOINING:
            wanted = {name: _value(filters.fields[name].type)}
            query = f"query($f: {row}Filter) {{ {root}(filter: $f) {{ nodes {{ uuid }} }} }}"
            yield Document(f"{root}.{name}", query, {"f": wanted})
    for root in LISTS.keys() - {"orders"}:
        query = f"query($q: String) {{ {root}(query: $q) {{ nodes {{ uuid }} }} }}"
        for searched in SEARCHED:
            yield Document(f"{root} by query", query, {"q": searched})
    for narrowed in ("visibleAs: CONSUMER", "visibleAs: PROVIDER", 'visibleToUsername: "owner"'):
        yield Document(narrowed, f"{{ resources({narrowed}) {{ nodes {{ uuid }} }} }}", {})


def single(uuids: Mapping[str, str]) -> Iterator[Document]:
    """Ask for each thing by its uuid and by its id, with all that is in it; then for all by ids."""
    for row, uuid in uuids.items():
        inside = _inside(row)
        if row in BY_UUID:
            query = f"query($u: UUID!) {{ {BY_UUID[row]}(uuid: $u) {{ {inside} }} }}"
            yield Document(BY_UUID[row], query, {"u": uuid})
        query = f"query($i: ID!) {{ node(id: $i) {{ ... on {row} {{ {inside} }} }} }}"
        yield Document(f"node: {row}", query, {"i": global_id(row, uuid)})
    ids = [global_id(row, uuid) for row, uuid in uuids.items()]
    yield Document("nodes", "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids})


def _value(type_: Any) -> Any:
    kind = get_named_type(type_)
    value = list(kind.values)[1] if isinstance(kind, GraphQLEnumType) else USUAL[kind.name]
    return [value] if is_list_type(type_) else value


async def asked(marketplace: Marketplace, document: Document, as_: str) -> list[Ask]:
    """Give the statements that a document takes, those that tell who asks among them."""
    database = marketplace.database
    assert isinstance(database, Kept)
    database.kept = []
    await marketplace.data(document.query, as_, **document.variables)
    return database.kept


class Planner:
    """Plans statements as they are planned for the gateway."""

    def __init__(self, url: str) -> None:
        """Connect with the settings of the gateway's own connections."""
        options = {"options": Session(url, statement_seconds=10).given["options"]}
        self.connection = psycopg.connect(
            url, autocommit=True, cursor_factory=psycopg.ClientCursor, **options
        )
        self._prepared: set[str] = set()

    def large(self) -> set[str]:
        """Name the large tables."""
        statement = "select relname from pg_class where relkind = 'r' and reltuples >= %s"
        return {name for (name,) in self.connection.execute(statement, [LARGE])}

    def plan(self, ask: Ask, *how: str) -> list[dict[str, Any]]:
        """Give the nodes of the plan for a statement, whatever its values are."""
        sql, values = ask
        name = f"s{abs(hash(sql))}"
        if sql not in self._prepared:
            self._prepared.add(sql)
            self.connection.execute(f"prepare {name} as {sql}".encode())
        given = f"({', '.join(['%s'] * len(values))})" if values else ""
        explaining = f"explain ({', '.join(['format json', *how])}) execute {name}{given}"
        ((found,),) = self.connection.execute(explaining.encode(), values).fetchall()
        return list(_nodes(found[0]["Plan"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def scanned(nodes: Sequence[dict[str, Any]], tables: Collection[str]) -> set[str]:
    """Name those of the tables that are read from end to end."""
    scans = (each for each in nodes if each["Node Type"] == "Seq Scan")
    return {each["Relation Name"] for each in scans} & {*tables}


def rows_read(nodes: Sequence[dict[str, Any]], tables: Collection[str]) -> int:
    """Count the rows of the tables that were read, and shown or left out."""
    return sum(
        int(each["Actual Loops"] * sum(each.get(name, 0) for name in _READ))
        for each in nodes
        if each.get("Relation Name") in tables
    )


_READ = "Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck"

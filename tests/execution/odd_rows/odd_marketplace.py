"""A marketplace with odd rows, and what they change in responses."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import psycopg
from sqlalchemy import Column

from gateway.db import tables
from gateway.db.driver.transactions import Transaction, TransactionPool
from gateway.execution.graphql_request import GraphQLRequest
from gateway.marketplace.change_service import LocalChangeService
from gateway.marketplace.unit_of_work import TransactionRunner
from tests.execution.corpus.both_executions import REQUEST_ID, DualExecutor, ResultPair
from tests.execution.odd_rows.odd_cases import OddCase, OddCases, reads_column
from tests.execution.odd_rows.odd_values import DEEP_ARRAY
from tests.execution.odd_rows.related_rows import PERMISSION_TABLES, RelatedRows, RowKey
from tests.execution.odd_rows.wide_documents import (
    TYPES_BY_ROOT,
    WideDocument,
    make_list_documents,
    make_mutation_documents,
    make_row_documents,
)
from tests.support.marketplaces import Marketplace
from tests.support.visibility.oracle_expectation import TABLES_BY_TYPE
from tests.support.visibility.viewer_scenes import Viewpoint

T = TypeVar("T")
FOCUS_SQL = """
(select 'marketplace_resource', r.id from marketplace_resource r
    join marketplace_offeringcomponent c on c.offering_id = r.offering_id and c.is_prepaid
    where r.state = 2 order by r.offering_id, r.id limit 3)
union all (select 'marketplace_resource', id from (
        select id, offering_id, row_number() over (partition by offering_id order by id) number
        from marketplace_resource) numbered
    where number <= 2 order by offering_id, id)
union all (select 'marketplace_order', id from marketplace_order where state in (1, 2, 7)
    order by id limit 3)
"""
"""Prepaid resources, two resources of each offering, and open orders."""
ROW_COUNTS = {"resources": 16, "offerings": 12}
DEFAULT_ROW_COUNT = 8
MUTATED_ROWS = 2
FORBIDDEN_CODES = frozenset({"INTERNAL", "UNAVAILABLE", "TIMEOUT", "BAD_USER_INPUT"})
CHANGE_TABLES = (
    tables.resource,
    tables.order,
    tables.offering,
    tables.component,
    tables.plan,
    tables.plan_component,
    tables.project,
    tables.customer,
    tables.invoice,
    tables.invoice_item,
    tables.component_quota,
    tables.plan_period,
    tables.service_settings,
    tables.terms_of_service,
    tables.consent,
)
"""Tables that mutations read."""


class _RolledBackError(Exception):
    """Raised to roll a transaction back; `result` is that of its work."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


class RollbackPool(TransactionPool):
    """A pool whose transactions do all that others do, and are rolled back at the end."""

    async def run_transaction(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` and return its result, without its changes."""

        async def run_and_raise(transaction: Transaction) -> None:
            raise _RolledBackError(await work(transaction))

        try:
            await super().run_transaction(run_and_raise)
        except _RolledBackError as rolled_back:
            result: T = rolled_back.result
            return result
        raise AssertionError


class Baseline(NamedTuple):
    """The response to a document before rows are odd, and its statements."""

    data: Any
    sql: list[str]


@dataclass
class OddMarketplace:
    """A marketplace whose rows can be odd, with the documents that both executions execute."""

    odd_cases: OddCases
    dual_executor: DualExecutor
    related_rows: RelatedRows
    documents: Sequence[WideDocument]
    keys_by_uuid: dict[str, RowKey]
    baselines: dict[tuple[Viewpoint, str], Baseline] = field(default_factory=dict)
    error_codes: Counter[str] = field(default_factory=Counter)
    """The codes of all errors in responses."""

    @classmethod
    async def prepare(
        cls,
        connection: psycopg.Connection[Any],
        marketplace: Marketplace,
        transaction_pool: TransactionPool,
    ) -> "OddMarketplace":
        """Choose the rows that the documents ask for."""
        dual_executor = DualExecutor.open_over(marketplace)
        dual_executor.change_service = LocalChangeService(
            TransactionRunner(transaction_pool, marketplace.statement_compiler)
        )
        related_rows = RelatedRows(connection)
        focus = [RowKey(*each) for each in connection.execute(FOCUS_SQL)]
        neighbours = related_rows.find_neighbours(focus)
        ordered_rows = list(dict.fromkeys([*focus, *sorted(neighbours)]))
        keys_by_uuid, uuids_by_root = _choose_rows(connection, ordered_rows)
        ids_by_table: dict[str, list[int]] = {**related_rows.ids_by_table}
        for table in {each.table for each in neighbours} & {*ids_by_table}:
            ids_by_table[table] = sorted({id_ for name, id_ in neighbours if name == table})
        known_rows = await dual_executor.known_rows(Viewpoint("demo", "staff"))
        mutated = {root: uuids[:MUTATED_ROWS] for root, uuids in uuids_by_root.items()}
        documents = [
            *make_row_documents(uuids_by_root),
            *make_list_documents(known_rows),
            *make_mutation_documents(mutated),
        ]
        odd_cases = OddCases(connection, ids_by_table)
        return cls(odd_cases, dual_executor, related_rows, documents, keys_by_uuid)

    async def record_baselines(self, viewpoint: Viewpoint) -> None:
        """Execute all documents; their responses must have no errors."""
        for document in self.documents:
            body = decode_response(await self._execute(document, viewpoint))
            assert "errors" not in body, (document, body["errors"][:2])
            sql = self.dual_executor.marketplace.database.recorded_sql
            self.baselines[viewpoint, document.name] = Baseline(body["data"], sql)

    async def _execute(self, document: WideDocument, viewpoint: Viewpoint) -> ResultPair:
        request = GraphQLRequest(document.query, document.variables, None, REQUEST_ID)
        return await self.dual_executor.execute_both(request, viewpoint)

    def list_cases(self) -> list[OddCase]:
        """Return the cases of all columns that a document of some viewer reads."""
        statements = {sql for baseline in self.baselines.values() for sql in baseline.sql}
        return [
            *self.odd_cases.list_cases(
                lambda column: column.table in CHANGE_TABLES or reads_column(statements, column)
            )
        ]

    async def find_faults(self, cases: Sequence[OddCase], viewpoint: Viewpoint) -> list[str]:
        """Return what is wrong with responses while rows are odd, one fault a document at most.

        The faults of several cases are attributed by storing each case alone.
        """
        affected = self._find_affected(cases)
        self.dual_executor.forget_viewers()
        with self._store_values(cases):
            faults = [
                f"{viewpoint.username}: {document.name}: {fault}"
                for document in self.documents
                if self._concerns(document, viewpoint, [each.column for each in cases])
                for fault in self._check_pair(
                    await self._execute(document, viewpoint), viewpoint, document, affected
                )
            ]
        self.dual_executor.forget_viewers()
        if not faults or len(cases) == 1:
            return [f"{case}: {fault}" for case in cases for fault in faults]
        single = [each for case in cases for each in await self.find_faults([case], viewpoint)]
        return single or [f"{[str(each) for each in cases]}: {fault}" for fault in faults]

    @contextmanager
    def _store_values(self, cases: Iterable[OddCase]) -> Iterator[None]:
        originals = []
        try:
            for case in cases:
                original = case._replace(value=self.odd_cases.load_value(case))
                if self.odd_cases.store_value(case):
                    originals.append(original)
            yield
        finally:
            for original in reversed(originals):
                assert self.odd_cases.store_value(original)

    def _concerns(
        self, document: WideDocument, viewpoint: Viewpoint, columns: Iterable[Column[Any]]
    ) -> bool:
        if document.is_mutation:
            return any(each.table in CHANGE_TABLES for each in columns)
        sql = self.baselines[viewpoint, document.name].sql
        return any(reads_column(sql, each) for each in columns)

    def _find_affected(self, cases: Iterable[OddCase]) -> Collection[RowKey] | None:
        """Return the rows that may change because of the cases; None if all may."""
        tables_and_ids = [(each.column.table, each.row_id) for each in cases]
        if any(table in PERMISSION_TABLES for table, _ in tables_and_ids):
            return None
        find_affected: Any = self.related_rows.find_affected
        return {key for each in tables_and_ids for key in find_affected(*each)}

    def _check_pair(
        self,
        pair: ResultPair,
        viewpoint: Viewpoint,
        document: WideDocument,
        affected: Collection[RowKey] | None,
    ) -> Iterator[str]:
        if not pair.is_equal:
            yield f"executions differ: {pair.compiled.encode()!r} {pair.reference.encode()!r}"
            return
        body = decode_response(pair)
        errors = body.get("errors", [])
        self.error_codes.update(each["extensions"]["code"] for each in errors)
        for error in errors:
            if error["extensions"]["code"] in FORBIDDEN_CODES or "path" not in error:
                yield f"{error['extensions']['code']} at {error.get('path')}: {error['message']}"
                return
        if affected is not None:
            before = self.baselines[viewpoint, document.name].data
            changed = self._list_changed(document, before, body.get("data"))
            unexpected = [each for each in changed if each not in affected]
            if unexpected:
                yield f"changed: {unexpected[:5]}"

    def _list_changed(self, document: WideDocument, before: Any, after: Any) -> list[RowKey | str]:
        """Return the rows of root lists whose items differ; a list that is missing by its name.

        For a mutation, return its row if the result differs.
        """
        if document.is_mutation:
            key = self.keys_by_uuid[document.variables["uuid"]]
            return [] if before == after else [key]
        changed: list[RowKey | str] = []
        for name, page in before.items():
            if isinstance(page, dict) and "nodes" in page:
                new_page = after and after.get(name)
                changed += [name] if new_page is None else self._compare_nodes(page, new_page)
        return changed

    def _compare_nodes(self, *pages: Any) -> list[RowKey | str]:
        before, after = ({each["uuid"]: each for each in page["nodes"]} for page in pages)
        return [
            self.keys_by_uuid.get(uuid, uuid)
            for uuid in {*before} | {*after}
            if before.get(uuid) != after.get(uuid)
        ]


def _choose_rows(
    connection: psycopg.Connection[Any], ordered_rows: Sequence[RowKey]
) -> tuple[dict[str, RowKey], dict[str, list[str]]]:
    """Return the keys of all rows by uuid, and the uuids of the first rows of each root list."""
    keys_by_uuid, uuids_by_root = {}, {}
    for root, type_name in TYPES_BY_ROOT.items():
        table = TABLES_BY_TYPE[type_name]
        uuids_by_key = {
            RowKey(table, id_): uuid.hex
            for id_, uuid in connection.execute(f"select id, uuid from {table}".encode())
        }
        keys_by_uuid.update({uuid: key for key, uuid in uuids_by_key.items()})
        uuids = [uuids_by_key[each] for each in ordered_rows if each in uuids_by_key]
        uuids_by_root[root] = uuids[: ROW_COUNTS.get(root, DEFAULT_ROW_COUNT)]
    return keys_by_uuid, uuids_by_root


def decode_response(pair: ResultPair) -> Any:
    """Return the decoded response of the reference execution; numbers stay text."""
    content = pair.reference.encode().decode().replace(DEEP_ARRAY, '"deep"')
    return json.loads(content, parse_int=str, parse_float=str)

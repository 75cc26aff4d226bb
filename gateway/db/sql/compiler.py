"""The SQL compiler: the only way from a query specification to a statement.

Every statement of a query specification is built here, so none is without the viewer's row
filter. The first column of a statement is the key by which its rows are grouped, or NULL
without a key; the columns of the specification follow, then a page's sort keys.

Other statements have no row filter:

* `db.access.viewer_loader` loads the viewer itself, by the token;
* `db.driver.row_statements` and the statements of `db.queries` run in the transaction of a
  change or of the demo's provider, on rows whose keys were read through the row filter, or on
  the gateway's own tables; those on tokens serve the command line and the refresh of used tokens;
* `db.events` reads the event feed, whose consumers filter each event
  (`subscriptions.event_filter`).
"""

from collections.abc import Hashable, Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Select,
    Table,
    any_,
    bindparam,
    func,
    null,
    select,
    true,
)
from sqlalchemy.sql.visitors import replacement_traverse

from gateway.db.access.viewer import AccessShape
from gateway.db.access.visibility import (
    build_access_filter,
    build_reference_filter,
    build_row_filter,
    fold_empty_ids,
)
from gateway.db.access.visible_to_user import build_visible_to_user_filter
from gateway.db.driver.encoding import inline_literal
from gateway.db.driver.statement import Statement
from gateway.db.installation.installation import Installation
from gateway.db.query_spec import (
    Access,
    ColumnRef,
    IsVisible,
    NestedRows,
    PageWindow,
    ParentKeys,
    QuerySpec,
    SelectItem,
)
from gateway.db.sql.joins import JoinBuilder
from gateway.db.sql.json_rows import aggregate_json_rows
from gateway.db.sql.keyset import build_page_bounds
from gateway.db.sql.planner_hints import fence_row_filter
from gateway.db.views.registry import build_view_ctes
from gateway.fairness.bounded_cache import BoundedCache
from gateway.fairness.build_worker import BuildWorker

MAX_CACHE_BYTES = 20_000_000
"""Maximum size of the cached statements of the reference execution, estimated."""
NOT_COMPILED: Any = object()
"""What a cache returns for a statement that it has not got."""
_NO_KEY = null().label("key")


def estimate_statement_bytes(statement: Statement | None) -> int:
    """Return about how much memory a statement takes in a cache, with its key."""
    return 2000 if statement is None else 2000 + 4 * len(statement.sql)


class StatementCompiler:
    """Compiles query specifications for one installation, with a cache that is bounded by bytes.

    A statement is determined by the specification, the installation and the
    viewer's `AccessShape`; ids, filter values and page bounds are parameters. So
    viewers with the same shape share statements, and PostgreSQL's prepared plans.
    Compilation has these steps:

    1. `_SelectBuilder` builds the SELECT with the full row filter: plain rows,
       aggregated groups, or a page per key.
    2. Views, which are derived tables such as the effective plans of an offering,
       are added as CTEs.
    3. The expression tree is rewritten: columns that the installation lacks become
       NULL, placeholders become the installation's constants, and comparisons with
       id sets that are empty for the viewer become FALSE.
    4. SQLAlchemy renders the tree with numbered parameters.

    That takes 5 to 50 ms, so requests call `compile` in the thread of a `BuildWorker`.
    """

    def __init__(self, installation: Installation, build_worker: BuildWorker | None = None) -> None:
        self.installation = installation
        self.build_worker = build_worker or BuildWorker()
        self._cached_statements: BoundedCache[tuple[QuerySpec, AccessShape], Statement | None] = (
            BoundedCache(MAX_CACHE_BYTES)
        )

    async def load_statement(
        self, query_spec: QuerySpec, access_shape: AccessShape, owner: Hashable
    ) -> Statement | None:
        """Return `compile`'s result from the cache, or from the thread in a turn of `owner`."""
        cache_key = query_spec, access_shape
        statement = self._cached_statements.find_value(cache_key, NOT_COMPILED)
        if statement is NOT_COMPILED:
            work = partial(self.compile, *cache_key)
            statement = await self.build_worker.run_job(owner, (self, *cache_key), work)
            self.build_worker.count_builds(1)
            size = estimate_statement_bytes(statement)
            self._cached_statements.store_value(cache_key, statement, size)
        return statement

    def compile(self, query_spec: QuerySpec, access_shape: AccessShape) -> Statement | None:
        """Compile a specification for all viewers with an access shape.

        Return None if the installation lacks a table that the statement starts from.
        """
        if any(self.installation.lacks_table(each) for each in _iterate_tables(query_spec)):
            return None
        select_statement = _SelectBuilder(
            self.installation, query_spec, bypass=access_shape.bypass
        ).build_select()

        def replace_element(element: Any, **_: Any) -> Any:
            """Replace missing columns by NULL and predicates over empty id sets by FALSE."""
            replacement = self.installation.replace_element(element)
            if replacement is None:
                return fold_empty_ids(element, access_shape.empty_id_sets)
            return replacement

        nested_tables = [
            each.query_spec.table for each in query_spec.columns if isinstance(each, NestedRows)
        ]
        view_ctes = build_view_ctes(
            [query_spec.table, *nested_tables],
            self.installation.missing_tables,
            self.installation.version_rules,
        )
        select_statement = select_statement.add_cte(*view_ctes)
        resolved_statement: Any = replacement_traverse(select_statement, {}, replace_element)
        return Statement.from_element(resolved_statement, query_spec.source)


class _SelectBuilder:
    """Builds the SELECT of one query specification; `bypass` leaves the row filters out."""

    def __init__(self, installation: Installation, query_spec: QuerySpec, *, bypass: bool) -> None:
        self._installation, self._query_spec, self._bypass = installation, query_spec, bypass
        filters = [each(self._row_filter) for each in query_spec.conditions]
        fixed_columns = (
            [query_spec.key_column.column]
            if query_spec.page_window and query_spec.key_column and not query_spec.key_column.path
            else []
        )
        self._conditions = [
            fence_row_filter(self._row_filter(query_spec.table), filters, *fixed_columns),
            *filters,
        ]
        if query_spec.visible_to_user:
            self._conditions.append(build_visible_to_user_filter(installation))

    def build_select(self) -> Select[Any]:
        """Return the SELECT."""
        if self._query_spec.page_window is not None:
            return self._select_page(self._query_spec.page_window)
        return self._select_groups() if self._query_spec.is_grouped else self._select_rows()

    def _row_filter(self, table: Table[Any]) -> ColumnElement[bool]:
        """Return the row filter of a table; of the specification's own, by its access."""
        if table is self._query_spec.table:
            return build_access_filter(self._query_spec, bypass=self._bypass)
        return build_row_filter(table, bypass=self._bypass)

    def _create_joins(
        self, start: FromClause, from_clause: FromClause | None = None, **options: Any
    ) -> JoinBuilder:
        return JoinBuilder(self._installation, start, from_clause, bypass=self._bypass, **options)

    def _select_rows(self) -> Select[Any]:
        key_column, select_items = self._query_spec.key_column, self._query_spec.columns
        lookup_columns = (
            (key_column, *select_items)
            if self._query_spec.has_single_key and key_column is not None
            else None
        )
        joins = self._create_joins(
            self._query_spec.table, outer_joins=True, lookup_columns=lookup_columns
        )
        key = _NO_KEY if key_column is None else joins.compile_column(key_column)
        columns = [self._compile_item(joins, each) for each in self._query_spec.columns]
        statement = select(key, *columns).where(*self._conditions, *self._key_conditions(joins))
        return statement.select_from(joins.from_clause).order_by(*self._row_order())

    def _row_order(self) -> Sequence[ColumnElement[Any]]:
        """Return the ORDER BY columns of rows without a page; none if there is at most one row."""
        key_column, query_spec = self._query_spec.key_column, self._query_spec
        if (
            query_spec.has_single_key
            and query_spec.parent_keys is None
            and key_column is not None
            and key_column.column.unique
        ):
            return ()
        return (*query_spec.sort_columns, *query_spec.table.primary_key)

    def _select_groups(self) -> Select[Any]:
        joins = self._create_joins(self._query_spec.table)
        keys = (
            []
            if self._query_spec.key_column is None
            else [joins.compile_column(self._query_spec.key_column)]
        )
        group_columns = [
            joins.compile_column(each)
            for each in self._query_spec.columns
            if isinstance(each, ColumnRef)
        ]
        columns = [self._compile_item(joins, each) for each in self._query_spec.columns]
        statement = select(*(keys or [_NO_KEY]), *columns).where(
            *self._conditions, *self._key_conditions(joins)
        )
        return (
            statement.select_from(joins.from_clause)
            .group_by(*keys, *group_columns)
            .order_by(*group_columns)
        )

    def _compile_item(self, joins: JoinBuilder, select_item: SelectItem) -> ColumnElement[Any]:
        """Return a column's SQL; for the visibility of the row itself, its reference filter."""
        if isinstance(select_item, IsVisible) and not select_item.path:
            if self._query_spec.access is not Access.REFERENCE:
                return true()
            return build_reference_filter(self._query_spec.table, bypass=self._bypass)
        if isinstance(select_item, NestedRows):
            return self._compile_nested_rows(
                select_item.query_spec, joins.compile_column(select_item.key_column)
            )
        return joins.compile_item(select_item)

    def _compile_nested_rows(
        self, query_spec: QuerySpec, key: ColumnElement[Any]
    ) -> ColumnElement[Any]:
        """Return the rows of another specification under a key as a JSON subselect."""
        if self._installation.lacks_table(query_spec.table):
            return null()
        builder = _SelectBuilder(self._installation, query_spec, bypass=self._bypass)
        return builder.select_json_rows(key)

    def select_json_rows(self, key: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the rows under a key of the enclosing statement as a scalar JSON subselect."""
        key_column, select_items = self._query_spec.key_column, self._query_spec.columns
        assert key_column is not None
        joins = self._create_joins(
            self._query_spec.table,
            outer_joins=True,
            lookup_columns=(key_column, *select_items),
            alias_prefix="n",
        )
        column = joins.compile_column(key_column)
        columns = [column, *(self._compile_item(joins, each) for each in select_items)]
        rows = select(aggregate_json_rows(columns, [*self._row_order()])).select_from(
            joins.from_clause
        )
        return rows.where(*self._conditions, column == key).scalar_subquery()

    def _key_conditions(self, joins: JoinBuilder) -> list[ColumnElement[bool]]:
        key_column = self._query_spec.key_column
        if key_column is None:
            return []
        column = joins.compile_column(key_column)
        if not self._query_spec.has_single_key:
            return [column == any_(self._key_array(key_column))]
        parent_keys = self._query_spec.parent_keys
        if parent_keys is None:
            return [column == bindparam("keys", type_=key_column.column.type)]
        return [column == self._select_parent_keys(parent_keys).scalar_subquery()]

    def _key_array(self, key_column: ColumnRef) -> ColumnElement[Any]:
        """Return the array of keys: the parameter `keys`, or the subselect of parent keys."""
        if self._query_spec.parent_keys is None:
            return bindparam("keys", type_=ARRAY(key_column.column.type))
        return func.array(self._select_parent_keys(self._query_spec.parent_keys).scalar_subquery())

    def _select_parent_keys(self, parent_keys: ParentKeys) -> Select[Any]:
        parent_builder = _SelectBuilder(
            self._installation, parent_keys.query_spec, bypass=self._bypass
        )
        return parent_builder.select_keys(parent_keys.key_column)

    def select_keys(self, column_ref: ColumnRef) -> Select[Any]:
        """Return the SELECT of one column, to be nested in another statement."""
        joins = self._create_joins(self._query_spec.table)
        column = joins.compile_column(column_ref)
        statement = select(column).where(*self._conditions, *self._key_conditions(joins))
        return statement.select_from(joins.from_clause).correlate(None)

    def _select_page(self, page_window: PageWindow) -> Select[Any]:
        """Return the SELECT of a page, or of one page for each key.

        The page is cut in a subselect of narrow rows, in the order of an index where
        there is one; only its rows are joined to the rows that they refer to:

            select key, columns, sort keys
            from unnest(:keys) keys
            cross join lateral (select … where key = keys.key order by … limit n) page
            left join lateral (select … where id = page.project_id limit 1) t1 on true
            order by sort keys
        """
        (primary_key,) = self._query_spec.table.primary_key
        page_joins = self._create_joins(self._query_spec.table)
        sort_keys = [*map(page_joins.compile_column, page_window.sort_order.columns), primary_key]
        descending = page_window.sort_order.descending != page_window.backward
        page = (
            select(*self._page_columns(), *_label_sort_keys(sort_keys))
            .where(*self._conditions, *build_page_bounds(page_window, sort_keys))
            .order_by(*_apply_direction(sort_keys, descending=descending))
            .limit(inline_literal(page_window.limit))
        )
        key, page_rows, from_clause = self._join_keys(page, page_joins)
        joins = self._create_joins(
            page_rows, from_clause, outer_joins=True, lookup_columns=self._query_spec.columns
        )
        columns = [self._compile_item(joins, each) for each in self._query_spec.columns]
        sort_columns = [page_rows.c[f"order{i}"] for i in range(len(sort_keys))]
        return (
            select(key, *columns, *(sort_columns if self._query_spec.with_sort_keys else ()))
            .select_from(joins.from_clause)
            .order_by(*_apply_direction(sort_columns, descending=descending))
        )

    def _page_columns(self) -> Sequence[ColumnElement[Any]]:
        """Return the page table's columns that are selected or needed for joins."""
        column_refs = [
            each
            for select_item in self._query_spec.columns
            for each in (
                (select_item,)
                if isinstance(select_item, ColumnRef)
                else getattr(select_item, "columns", ())
            )
        ]
        own_columns = [each.path[0] if each.path else each.column for each in column_refs]
        own_columns += [
            each.path[0]
            for each in self._query_spec.columns
            if isinstance(each, IsVisible) and each.path
        ]
        present_columns = [
            each
            for each in dict.fromkeys(own_columns)
            if self._installation.find_column(each) is not None
        ]
        return [self._query_spec.table.c[each.key] for each in present_columns]

    def _join_keys(
        self, page: Select[Any], page_joins: JoinBuilder
    ) -> tuple[Any, FromClause, FromClause]:
        """Return the key column, the page as a subselect, and the page joined to the keys."""
        key_column = self._query_spec.key_column
        if key_column is None:
            page_rows: FromClause = page.select_from(page_joins.from_clause).subquery("page")
            return _NO_KEY, page_rows, page_rows
        keys = (
            func.unnest(self._key_array(key_column))
            .table_valued("key", name="keys")
            .render_derived()
        )
        column = page_joins.compile_column(key_column)
        page_rows_per_key = (
            page.where(column == keys.c.key).select_from(page_joins.from_clause).lateral("page")
        )
        return keys.c.key, page_rows_per_key, keys.join(page_rows_per_key, true())


def _label_sort_keys(sort_keys: Sequence[Any]) -> list[Any]:
    return [sort_key.label(f"order{i}") for i, sort_key in enumerate(sort_keys)]


def _apply_direction(sort_keys: Sequence[Any], *, descending: bool) -> list[Any]:
    return [each.desc() if descending else each for each in sort_keys]


def _iterate_tables(query_spec: QuerySpec) -> Iterator[Any]:
    """Yield the tables that a statement and its subselects of keys start from."""
    yield query_spec.table
    if query_spec.parent_keys is not None:
        yield from _iterate_tables(query_spec.parent_keys.query_spec)

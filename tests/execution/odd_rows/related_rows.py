"""Related rows: which rows may change in responses because another one is odd."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Column, Table

from gateway.db import tables
from gateway.db.tables.columns import metadata


class RowKey(NamedTuple):
    """A row: the name of its table and its primary key."""

    table: str
    id: int


PERMISSION_TABLES = frozenset(
    {
        tables.content_type,
        tables.constance,
        tables.role,
        tables.role_permission,
        tables.user_role,
        tables.access_subnet,
        tables.user,
        tables.organization_group,
        tables.customer_organization_group,
        tables.offering_organization_group,
        tables.plan_organization_group,
        tables.invoice,
    }
)
"""Tables whose rows may change everything: they decide what a viewer sees, or may move."""
_OFFERING_PARTS = frozenset(
    each.name
    for each in (
        tables.offering,
        tables.component,
        tables.plan,
        tables.plan_component,
        tables.partition,
        tables.offering_endpoint,
        tables.offering_user,
        tables.offering_user_group,
        tables.offering_user_group_project,
        tables.offering_user_role,
        tables.offering_software_catalog,
        tables.quota_limit,
        tables.quota_usage,
        tables.terms_of_service,
        tables.consent,
        tables.service_settings,
        tables.software_catalog,
        tables.software_package,
        tables.service_provider,
    )
)
"""Tables whose rows may change everything that refers to their offering."""


class RelatedRows:
    """The references between the rows of a database."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Load all references."""
        self._models = {
            id_: f"{app_label}_{model}"
            for id_, app_label, model in connection.execute(
                "select id, app_label, model from django_content_type"
            )
        }
        self._targets: dict[RowKey, set[RowKey]] = defaultdict(set)
        self._referrers: dict[RowKey, set[RowKey]] = defaultdict(set)
        self.ids_by_table: dict[str, list[int]] = {}
        for table in metadata.tables.values():
            if "id" in table.c:
                self._load_references(connection, table)

    def _load_references(self, connection: psycopg.Connection[Any], table: Table[Any]) -> None:
        columns = [each for each in table.c if each.foreign_keys and not each.system]
        names = ["id", *(each.key for each in columns)]
        names += ["object_id"] if {"content_type_id", "object_id"} <= {*table.c.keys()} else []
        statement = f"select {', '.join(names)} from {table.name} order by id"
        for id_, *values in connection.execute(statement.encode()):
            self.ids_by_table.setdefault(table.name, []).append(id_)
            key = RowKey(table.name, id_)
            for target in self._list_targets(columns, dict(zip(names[1:], values, strict=True))):
                self._targets[key].add(target)
                self._referrers[target].add(key)

    def _list_targets(
        self, columns: Iterable[Column[Any]], row: Mapping[str, Any]
    ) -> Iterator[RowKey]:
        for column in columns:
            (foreign_key,) = column.foreign_keys
            if row[column.key] is not None and column.key != "content_type_id":
                yield RowKey(foreign_key.column.table.name, row[column.key])
        if row.get("object_id") is not None:
            yield RowKey(self._models[row["content_type_id"]], int(row["object_id"]))

    def find_targets(self, keys: Iterable[RowKey]) -> set[RowKey]:
        """Return rows and all rows that they refer to, over any number of references."""
        return _close_over(keys, self._targets)

    def find_referrers(self, keys: Iterable[RowKey]) -> set[RowKey]:
        """Return rows and all rows that refer to them, over any number of references."""
        return _close_over(keys, self._referrers)

    def find_neighbours(self, keys: Iterable[RowKey]) -> set[RowKey]:
        """Return what rows and their referrers refer to, and what refers to that directly."""
        related = self.find_targets(self.find_referrers(keys))
        return related | {each for key in related for each in self._referrers.get(key, ())}

    def find_affected(self, table: Table[Any], id_: int) -> set[RowKey]:
        """Return the rows that may change because of an odd row.

        An odd row may change itself, what refers to it, and what these rows refer to: an offering
        shows numbers of its resources. A part of an offering, or of a resource, may change
        what refers to its owner, but no other resource of the offering is affected by one.
        """
        key = RowKey(table.name, id_)
        owners = self.find_targets([key])
        changed = {key}
        if table.name in _OFFERING_PARTS:
            changed |= {each for each in owners if each.table in _OFFERING_PARTS}
        elif table is not tables.resource:
            changed |= {each for each in self._targets[key] if each.table == tables.resource.name}
        return self.find_targets(self.find_referrers(changed))


def _close_over(keys: Iterable[RowKey], links: Mapping[RowKey, set[RowKey]]) -> set[RowKey]:
    found: set[RowKey] = set()
    pending = [*keys]
    while pending:
        key = pending.pop()
        if key not in found:
            found.add(key)
            pending += links.get(key, ())
    return found

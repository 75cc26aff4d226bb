"""What would make a marketplace's database quicker: the indexes that it lacks, as statements."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg

from gateway.db.admin.indexes import Keys, wanted

_HERE = """
from pg_class held join pg_namespace space on space.oid = held.relnamespace
    and space.nspname = any(current_schemas(false))
"""
_COLUMNS = f"""
select held.relname, part.attname {_HERE}
join pg_attribute part on part.attrelid = held.oid and part.attnum > 0 and not part.attisdropped
where held.relkind in ('r', 'm')
"""
"""Columns that can be indexed: of tables and of what is kept of a query, not of views."""

_INDEXED = f"""
select held.relname, array_agg(
    case when kind.opcdefault and sort in (0, coalesce(part.attcollation, sort))
        then pg_get_indexdef(made.indexrelid, n, true) end order by n
), array_agg(made.indoption[n - 1]::int order by n) {_HERE}
join pg_index made on made.indrelid = held.oid and made.indisvalid and made.indpred is null
join pg_class itself on itself.oid = made.indexrelid
join pg_am way on way.oid = itself.relam and way.amname = 'btree'
cross join generate_series(1, made.indnkeyatts) n
cross join lateral (values (made.indcollation[n - 1])) collated(sort)
join pg_opclass kind on kind.oid = made.indclass[n - 1]
left join pg_attribute part on part.attrelid = held.oid and part.attnum = made.indkey[n - 1]
    and part.attnum <> 0
group by made.indexrelid, held.relname
"""
"""The keys of whole, valid indexes, and which way each goes; null for one in an order unlike its
column's, such as that for prefixes."""

_BROKEN = f"""
select itself.relname {_HERE} join pg_index made on made.indrelid = held.oid and not made.indisvalid
join pg_class itself on itself.oid = made.indexrelid
"""
_ONE_WAY = {0}, {3}
"""All keys upward and nulls last, or all the other way, which is read from its end."""

Index = tuple[list[str], list[int]]


def advice(connection: psycopg.Connection[Any]) -> list[str]:
    """Give statements that make the indexes that would help; after them there are none to give.

    An index that has more keys than wanted behind those that are serves as well. What remains of a
    broken try to make one is dropped first.
    """
    columns = set(connection.execute(_COLUMNS.encode()))
    have: dict[str, list[Index]] = {}
    for table, keys, ways in connection.execute(_INDEXED.encode()):
        have.setdefault(table, []).append(([_plain(each) for each in keys], ways))
    broken = {name for (name,) in connection.execute(_BROKEN.encode())}
    lacking = [
        each
        for each in wanted()
        if all((each.table, column.name) in columns for column in each.columns)
        and not any(_serves(index, each) for index in have.get(each.table, ()))
    ]
    return [line for each in _needed(lacking) for line in _made(each, broken)]


def _serves(index: Index, wanted: Keys) -> bool:
    """Say whether an index begins with the wanted keys, in one direction."""
    keys, ways = index
    count = len(wanted.written)
    return (
        keys[:count] == [_plain(each) for each in wanted.written] and set(ways[:count]) in _ONE_WAY
    )


def _needed(lacking: list[Keys]) -> Iterator[Keys]:
    """Leave out those that begin another one."""
    for each in lacking:
        count = len(each.written)
        longer = (other for other in lacking if len(other.written) > count)
        if not any(
            (other.table, other.written[:count]) == (each.table, each.written) for other in longer
        ):
            yield each


def _made(keys: Keys, broken: set[str]) -> Iterator[str]:
    if keys.name in broken:
        yield f"drop index concurrently if exists {keys.name};"
    yield f"create index concurrently if not exists {keys.definition};"


def _plain(key: str | None) -> str:
    """Give a key without quotes and casts, which PostgreSQL writes where they are understood."""
    return re.sub(r'::[a-z ]+|"', "", key or "")

"""A marketplace with rows that no Waldur would hold, and tables that are gone or locked."""

from collections.abc import Iterator

import psycopg

_OFFERING, _RESOURCE = "marketplace_offering", "marketplace_resource"


def _set(table: str, column: str, value: str, nth: int, kind: str = "") -> Iterator[str]:
    """Set a column of the n-th row, whatever the column was made for."""
    if value == "null":
        yield f"alter table {table} alter column {column} drop not null"
    if kind:
        yield f"alter table {table} alter column {column} type {kind}"
    chosen = f"(select id from {table} order by id offset {nth} limit 1)"
    yield f"update {table} set {column} = {value} where id = {chosen}"


_SIGNS = r"E'\u0001\b\f\n\r\t\u001f\u007f\u0080\u2028\u2029\ufeff\uffff\U0001f600\"\\</script>é'"
_DEEP = "(repeat('[', 3000) || repeat(']', 3000))::jsonb"
_JSON = (
    "null",
    "5",
    '"text"',
    "[]",
    '{"": {"a": [1.50, -0, 1e20, true, null, "\\u0000x"]}}'.replace("\\u0000", "\\u0001"),
)
_REPORTS = (
    "{}",
    "5",
    '[1, null, [], {"header": 1, "body": null}]',
    '[{"header": {"a": [1.0, 1e300, true]}, "body": "\\u0007"}, {"more": 1}]',
    "null",
)


def _null_values() -> Iterator[str]:
    """Take values away that must be there."""
    for table, column in (
        (_OFFERING, "name"),
        (_OFFERING, "shared"),
        (_OFFERING, "modified"),
        (_OFFERING, "attributes"),
        ("marketplace_category", "title"),
        ("marketplace_plan", "unit_price"),
        ("marketplace_plancomponent", "amount"),
    ):
        yield from _set(table, column, "null", 20 if column == "amount" else 1)
    yield "alter table marketplace_plan alter column offering_id drop not null"
    yield """
        update marketplace_plan set offering_id = null where id = (
            select plan_id from marketplace_resource where plan_id > 0 order by id limit 1
        )
    """


def _wrong_values() -> Iterator[str]:
    """Store values that the schema's types can't hold."""
    yield from _set(_OFFERING, "latitude", "'NaN'", 2)
    yield from _set(_OFFERING, "longitude", "'-Infinity'", 3)
    yield from _set(_OFFERING, "citation_count", str(2**40), 2, "bigint")
    yield from _set(_RESOURCE, "report", _DEEP, 5)
    yield from _set("structure_project", "end_date", "'infinity'", 1)
    yield from _set(_OFFERING, "category_id", "999999", 4)
    yield "update marketplace_offeringcomponent set offering_id = 900000 + id where type = 'egress'"


def _odd_values() -> Iterator[str]:
    """Store values that nobody expects, and that can be shown all the same."""
    yield from _set(_RESOURCE, "state", "77", 0)
    yield from _set(_OFFERING, "state", "-1", 0)
    yield from _set("marketplace_offeringcomponent", "billing_type", "'xyz'", 0)
    yield from _set("marketplace_offeringcomponent", "limit_period", "'never'", 1)
    yield from _set("marketplace_plan", "unit", "'moon'", 0)
    yield from _set(_RESOURCE, "created", "'infinity'", 1)
    yield from _set(_RESOURCE, "modified", "'0044-03-15 12:00:00+00 BC'", 2)
    yield from _set(_RESOURCE, "end_date_updated_at", "'20000-01-01 00:00:00.25+00'", 3)
    yield from _set(_RESOURCE, "end_date", "'20000-01-01'", 3)
    yield from _set(_RESOURCE, "end_date", "'-infinity'", 4)
    yield from _set(_RESOURCE, "cost", "'NaN'", 0, "numeric")
    yield from _set(_RESOURCE, "cost", "1e-20", 1)
    for place, column in enumerate(("name", "description", "error_message")):
        yield from _set(_RESOURCE, column, _SIGNS, place)
    yield from _set(_RESOURCE, "plan_id", "999999", 8)
    yield from _set(_RESOURCE, "project_id", "999999", 9)
    for place, report in enumerate(_REPORTS, 20):
        yield from _set(_RESOURCE, "report", f"'{report}'", place)
        yield from _set(_RESOURCE, "slug", "'reported'", place)
    for place, given in enumerate(_JSON, 20):
        for column in ("attributes", "limits", "options", "backend_metadata"):
            yield from _set(_RESOURCE, column, f"'{given}'", place)
    yield from _set(_RESOURCE, "slug", "'itself'", 10)
    yield f"update {_RESOURCE} set parent_id = id where slug = 'itself'"
    yield from _set("marketplace_category", "icon", "''", 0)
    yield from _set(_OFFERING, "image", "'/é /\"?.png'", 0)


def spoil(connection: psycopg.Connection) -> None:
    """Make the marketplace one that holds faults of all kinds."""
    connection.execute("set session_replication_role = replica")
    for change in (*_null_values(), *_wrong_values(), *_odd_values()):
        connection.execute(change.encode())
    connection.commit()


def take_away(connection: psycopg.Connection) -> None:
    """Remove what the gateway has found already, and lock a table as long as this goes on."""
    connection.execute("drop table marketplace_resourceaccessendpoint cascade")
    connection.execute("alter table core_user drop column job_title")
    connection.commit()
    connection.execute("lock table marketplace_offeringpartition in access exclusive mode")

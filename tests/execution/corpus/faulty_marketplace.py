"""Faults of a marketplace: invalid and unusual rows, missing and locked tables."""

from collections.abc import Iterator

import psycopg

_OFFERING_TABLE, _RESOURCE_TABLE = "marketplace_offering", "marketplace_resource"


def _set_column(
    table: str, column: str, value: str, row_number: int, column_type: str = ""
) -> Iterator[str]:
    """Yield statements that set a column of a row, whatever its type and constraints."""
    if value == "null":
        yield f"alter table {table} alter column {column} drop not null"
    if column_type:
        yield f"alter table {table} alter column {column} type {column_type}"
    row_id = f"(select id from {table} order by id offset {row_number} limit 1)"
    yield f"update {table} set {column} = {value} where id = {row_id}"


_SPECIAL_CHARACTERS_SQL = (
    r"E'\u0001\b\f\n\r\t\u001f\u007f\u0080\u2028\u2029\ufeff\uffff\U0001f600\"\\</script>é'"
)
_DEEP_JSON_SQL = "(repeat('[', 3000) || repeat(']', 3000))::jsonb"
"""Nested too deeply for Python 3.11 and 3.12; later versions decode it."""
_LONG_NUMBER_JSON_SQL = """'[{"header": 1e5000}]'"""
"""A number of 5,001 digits, which no version of Python decodes."""
_JSON_VALUES = (
    "null",
    "5",
    '"text"',
    "[]",
    '{"": {"a": [1.50, -0, 1e20, true, null, "\\u0000x"]}}'.replace("\\u0000", "\\u0001"),
)
_REPORT_VALUES = (
    "{}",
    "5",
    '[1, null, [], {"header": 1, "body": null}]',
    '[{"header": {"a": [1.0, 1e300, true]}, "body": "\\u0007"}, {"more": 1}]',
    "null",
)


def _set_null_values() -> Iterator[str]:
    """Yield statements that set required values to null."""
    for table, column in (
        (_OFFERING_TABLE, "name"),
        (_OFFERING_TABLE, "shared"),
        (_OFFERING_TABLE, "modified"),
        (_OFFERING_TABLE, "attributes"),
        ("marketplace_category", "title"),
        ("marketplace_plan", "unit_price"),
        ("marketplace_plancomponent", "amount"),
    ):
        yield from _set_column(table, column, "null", 20 if column == "amount" else 1)
    yield "alter table marketplace_plan alter column offering_id drop not null"
    yield """
        update marketplace_plan set offering_id = null where id = (
            select plan_id from marketplace_resource where plan_id > 0 order by id limit 1
        )
    """


def _set_invalid_values() -> Iterator[str]:
    """Yield statements that store values which the GraphQL types can't represent."""
    yield from _set_column(_OFFERING_TABLE, "latitude", "'NaN'", 2)
    yield from _set_column(_OFFERING_TABLE, "longitude", "'-Infinity'", 3)
    yield from _set_column(_OFFERING_TABLE, "citation_count", str(2**40), 2, "bigint")
    yield from _set_column(_RESOURCE_TABLE, "report", _DEEP_JSON_SQL, 5)
    yield from _set_column(_RESOURCE_TABLE, "report", _LONG_NUMBER_JSON_SQL, 6)
    yield from _set_column("structure_project", "end_date", "'infinity'", 1)
    yield from _set_column(_OFFERING_TABLE, "category_id", "999999", 4)
    yield "update marketplace_offeringcomponent set offering_id = 900000 + id where type = 'egress'"


def _set_unusual_values() -> Iterator[str]:
    """Yield statements that store unusual values which the GraphQL types can represent."""
    yield from _set_column(_RESOURCE_TABLE, "state", "77", 0)
    yield from _set_column(_OFFERING_TABLE, "state", "-1", 0)
    yield from _set_column("marketplace_offeringcomponent", "billing_type", "'xyz'", 0)
    yield from _set_column("marketplace_offeringcomponent", "limit_period", "'never'", 1)
    yield from _set_column("marketplace_plan", "unit", "'moon'", 0)
    yield from _set_column(_RESOURCE_TABLE, "created", "'infinity'", 1)
    yield from _set_column(_RESOURCE_TABLE, "modified", "'0044-03-15 12:00:00+00 BC'", 2)
    yield from _set_column(
        _RESOURCE_TABLE, "end_date_updated_at", "'20000-01-01 00:00:00.25+00'", 3
    )
    yield from _set_column(_RESOURCE_TABLE, "end_date", "'20000-01-01'", 3)
    yield from _set_column(_RESOURCE_TABLE, "end_date", "'-infinity'", 4)
    yield from _set_column(_RESOURCE_TABLE, "cost", "'NaN'", 0, "numeric")
    yield from _set_column(_RESOURCE_TABLE, "cost", "1e-20", 1)
    for row_number, column in enumerate(("name", "description", "error_message")):
        yield from _set_column(_RESOURCE_TABLE, column, _SPECIAL_CHARACTERS_SQL, row_number)
    yield from _set_column(_RESOURCE_TABLE, "plan_id", "999999", 8)
    yield from _set_column(_RESOURCE_TABLE, "project_id", "999999", 9)
    for row_number, report in enumerate(_REPORT_VALUES, 20):
        yield from _set_column(_RESOURCE_TABLE, "report", f"'{report}'", row_number)
        yield from _set_column(_RESOURCE_TABLE, "slug", "'reported'", row_number)
    for row_number, json_value in enumerate(_JSON_VALUES, 20):
        for column in ("attributes", "limits", "options", "backend_metadata"):
            yield from _set_column(_RESOURCE_TABLE, column, f"'{json_value}'", row_number)
    yield from _set_column(_RESOURCE_TABLE, "slug", "'itself'", 10)
    yield f"update {_RESOURCE_TABLE} set parent_id = id where slug = 'itself'"
    yield from _set_column("marketplace_category", "icon", "''", 0)
    yield from _set_column(_OFFERING_TABLE, "image", "'/é /\"?.png'", 0)


def insert_faults(connection: psycopg.Connection) -> None:
    """Insert all faults, without foreign key checks."""
    connection.execute("set session_replication_role = replica")
    for statement in (*_set_null_values(), *_set_invalid_values(), *_set_unusual_values()):
        connection.execute(statement.encode())
    connection.commit()


def remove_tables(connection: psycopg.Connection) -> None:
    """Remove a table and a column that the gateway knows, and lock a table in this transaction."""
    connection.execute("drop table marketplace_resourceaccessendpoint cascade")
    connection.execute("alter table core_user drop column job_title")
    connection.commit()
    connection.execute("lock table marketplace_offeringpartition in access exclusive mode")

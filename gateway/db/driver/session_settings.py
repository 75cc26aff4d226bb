"""Session settings: how PostgreSQL reads and prints values, whatever the server's defaults are.

The database, the role and the server can have defaults for each setting
(`ALTER DATABASE … SET`). Those that would change an answer are set for each session:
how values are read and printed (DateStyle), what a text of SQL means
(standard_conforming_strings), which rows a statement returns (gin_fuzzy_search_limit).
Those that only limit, plan or log statements stay the operator's.

**search_path.** Waldur's tables are found where the role's own search_path finds them, in
the same order, so they may be in any schema. Two schemas can't come before: `pg_catalog`
always comes first, so that no function or operator of another schema replaces a built-in
one, and `pg_temp` always last, so that no temporary table replaces one of Waldur's. (A
pooler's connection may have another client's temporary tables.)

Not everything between the gateway and the server obeys. So each new session prints one row of
known values (`VALUE_PROBES`), and is refused if one has another spelling than expected.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

SESSION_SETTINGS: Mapping[str, str] = {
    "array_nulls": "on",
    "bytea_output": "hex",
    "datestyle": "ISO, MDY",
    "extra_float_digits": "1",
    "gin_fuzzy_search_limit": "0",
    "intervalstyle": "postgres",
    "quote_all_identifiers": "off",
    "row_security": "on",
    "standard_conforming_strings": "on",
    "timezone": "UTC",
    "transform_null_equals": "off",
}
"""Settings that would change an answer, and can be set within a transaction as well."""
TRANSACTION_DEFAULTS: Mapping[str, str] = {
    "default_transaction_deferrable": "off",
    "default_transaction_isolation": "read committed",
}
"""Settings of the transactions that begin after them."""
VALUE_PROBES: Mapping[str, str] = {
    "timestamptz '2026-01-31 13:00:00.5+01'": "2026-01-31 12:00:00.5+00",
    "timestamptz '0044-03-15 12:00+00 BC'": "0044-03-15 12:00:00+00 BC",
    "timestamptz 'infinity'": "infinity",
    "date '2026-01-31'": "2026-01-31",
    "interval '-26 hours'": "-26:00:00",
    "numeric '12.50'": "12.50",
    "float8 '0.30000000000000004'": "0.30000000000000004",
    "pg_catalog.decode('00ff', 'hex')": r"\x00ff",
    "uuid '00000000000000000000000000000001'": "00000000-0000-0000-0000-000000000001",
    "'{null}'::text[]": "{NULL}",
    r"'\\'": r"\\",
    'jsonb \'{"b": 1.50, "a": "é"}\'': '{"a": "é", "b": 1.50}',
}
"""Expressions, with the text that the rest of the program expects of them."""
_SEARCH_PATH = """(
    select pg_catalog.concat_ws(', ', case
        when path operator(pg_catalog.=) '' then null
        when pg_catalog.strpos(path, 'pg_') operator(pg_catalog.=) 0 then path
        else (
            select pg_catalog.string_agg(pg_catalog.quote_ident(name), ', ' order by position)
            from pg_catalog.unnest(pg_catalog.current_schemas(false)) with ordinality
                schemas (name, position)
            where name operator(pg_catalog.!~) '^pg_'
        )
    end, 'pg_temp')
    from pg_catalog.current_setting('search_path') path
)"""
"""The role's search_path as it is, with schemas that don't exist yet, unless it names `pg_…`."""
_ESCAPED_BLANK = "\\ "
_PROBES = ", ".join(f"({each})::pg_catalog.text" for each in VALUE_PROBES)


class UnexpectedSpellingError(psycopg.OperationalError):
    """The database prints values in another spelling than the rest of the program expects."""


def build_settings_sql(settings: Mapping[str, str]) -> str:
    """Return a statement that sets `settings` until the end of the transaction."""
    return f"select {', '.join(_set_config(*each, is_local=True) for each in settings.items())}"


def build_startup_options(url: str, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return the `options` parameter of a connection: those of `url` first, then `settings`."""
    url_options = str(conninfo_to_dict(url).get("options", ""))
    assignments = [
        f"-c {name}={value.replace(' ', _ESCAPED_BLANK)}" for name, value in settings.items()
    ]
    return {"options": " ".join([url_options, *assignments])}


def build_session_sql(*, is_local: bool) -> str:
    """Return the statement that begins a session: it sets the search_path and has the probes.

    Its row is for `check_session`. If `is_local`, the search_path is that of the transaction.
    """
    return f"select {_set_config('search_path', None, is_local=is_local)}, {_PROBES}"


def check_session(row: Sequence[Any] | None) -> dict[str, str]:
    """Return the search_path, as a setting; `row` is that of `build_session_sql`.

    Raises UnexpectedSpellingError if a value has another spelling than expected.
    """
    search_path, *values = row or ()
    for (expression, expected), value in zip(VALUE_PROBES.items(), values, strict=True):
        if value != expected:
            raise UnexpectedSpellingError(
                f"The database prints {expression} as {value!r} instead of {expected!r}:"
                " settings of the session are ignored (see GATEWAY_POOLER)."
            )
    return {"search_path": search_path}


def _set_config(name: str, value: str | None, *, is_local: bool) -> str:
    """Return an expression that sets `name`; None for the role's own search_path, made safe."""
    literal = _SEARCH_PATH if value is None else "'{}'".format(value.replace("'", "''"))
    return f"pg_catalog.set_config('{name}', {literal}, {str(is_local).lower()})"

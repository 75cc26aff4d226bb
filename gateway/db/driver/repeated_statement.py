"""Repeated statements: one SELECT that runs another once for each of many sets of parameters.

SELECT r.ordinality, q.* FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS r (p1, p2, …)
CROSS JOIN LATERAL (the statement, with r.p1::INTEGER in place of $1::INTEGER) AS q
"""

import re
from functools import lru_cache

from gateway.db.driver.statement import Statement

MAX_CACHED_STATEMENTS = 500
"""Maximum number of statements whose repeated form is cached."""
_PLACEHOLDER = re.compile(r"\$(\d+)(::)?")
_REPEATED_SQL = """
SELECT r.ordinality, q.* FROM unnest({arrays}) WITH ORDINALITY AS r ({columns}, ordinality)
CROSS JOIN LATERAL (SELECT row_number() OVER (), s.* FROM ({statement}) AS s) AS q ORDER BY 1, 2
"""
_UNREPEATABLE = re.compile(r"\bFOR UPDATE\b")


@lru_cache(MAX_CACHED_STATEMENTS)
def repeat_statement(statement: Statement) -> Statement | None:
    """Return the repeated form of a SELECT; None if there is none.

    Its parameters are arrays of texts. The first column of a row is the position of its
    parameters, from 1; then come the row's number among theirs, and the columns of the statement.
    It needs a statement that locks nothing and casts each parameter.
    """
    casts = {cast for _, cast in _PLACEHOLDER.findall(statement.sql)}
    is_selection = statement.sql.startswith(("SELECT", "WITH"))
    if not is_selection or casts != {"::"} or _UNREPEATABLE.search(statement.sql):
        return None
    numbers = range(1, len(statement.parameter_names) + 1)
    arrays = ", ".join(f"${number}::text[]" for number in numbers)
    columns = ", ".join(f"p{number}" for number in numbers)
    repeated_sql = _PLACEHOLDER.sub(r"r.p\1::", statement.sql)
    repeated_statement = _REPEATED_SQL.format(
        arrays=arrays, columns=columns, statement=repeated_sql
    )
    return Statement(repeated_statement, statement.parameter_names)

"""Access tokens of a demo marketplace (domain.md §4.1)."""

from typing import Any

import psycopg

from gateway.db.access.credentials import Credentials
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.driver.statement import Statement
from gateway.db.driver.transactions import TransactionPool

_EXTEND_LIFETIME = Statement("""
update authtoken_token set created = now()
where key = $1 and created < now() - interval '60 seconds'
""")
_SELECT_TOKENS = """
select u.username, t.key from authtoken_token t join core_user u on u.id = t.user_id order by u.id
"""


async def extend_token(transaction_pool: TransactionPool, credentials: Credentials) -> None:
    """Restart the lifetime of a token, at most once a minute, as Waldur does on each use.

    Raises UnavailableError if that fails.
    """
    try:
        await transaction_pool.run_transaction(
            lambda transaction: transaction.fetch_rows([(_EXTEND_LIFETIME, (credentials.key,))])
        )
    except (psycopg.Error, TimedOutError) as error:
        raise UnavailableError(str(error)) from error


def load_tokens_by_username(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the tokens of all users by username."""
    return dict(connection.execute(_SELECT_TOKENS).fetchall())

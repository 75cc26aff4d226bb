"""Access tokens of a demo marketplace (domain.md §4.1, rules.md §2)."""

from typing import Any

import psycopg

from gateway.db.access.credentials import Credentials, TokenKind
from gateway.db.access.personal_tokens import hash_personal_token
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.driver.statement import Statement
from gateway.db.driver.transactions import TransactionPool

_EXTEND_LIFETIME = Statement("""
update authtoken_token set created = now()
where key = $1 and created < now() - interval '60 seconds'
""")
_MARK_AS_USED = Statement("""
update core_personalaccesstoken
set last_used_at = now(), last_used_ip = $2::inet, use_count = use_count + 1
where token_hash = $1 and (last_used_at is null or last_used_at < now() - interval '10 minutes')
""")
_SELECT_TOKENS = """
select u.username, t.key from authtoken_token t join core_user u on u.id = t.user_id order by u.id
"""


async def record_token_use(transaction_pool: TransactionPool, credentials: Credentials) -> None:
    """Record the use of a token, as Waldur does.

    The lifetime of a login's token is restarted, at most once a minute; a personal access token is
    marked as used, at most once in ten minutes. Raises UnavailableError if that fails.
    """
    key, address, token_kind, _ = credentials
    assert key is not None
    is_personal = token_kind is TokenKind.PERSONAL
    statement = _MARK_AS_USED if is_personal else _EXTEND_LIFETIME
    parameters = (hash_personal_token(key), address) if is_personal else (key,)
    try:
        await transaction_pool.run_transaction(
            lambda transaction: transaction.fetch_rows([(statement, parameters)])
        )
    except (psycopg.Error, TimedOutError) as error:
        raise UnavailableError(str(error)) from error


def load_tokens_by_username(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the tokens of all users by username."""
    return dict(connection.execute(_SELECT_TOKENS).fetchall())

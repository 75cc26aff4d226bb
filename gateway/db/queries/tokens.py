"""Access tokens of a demo marketplace (domain.md §4.1)."""

from typing import Any

import psycopg

_EXTEND_LIFETIME = """
update authtoken_token set created = now()
where key = %s and created < now() - interval '60 seconds'
"""
_SELECT_TOKENS = """
select u.username, t.key from authtoken_token t join core_user u on u.id = t.user_id order by u.id
"""


async def extend_token(url: str, key: str) -> None:
    """Restart the lifetime of a token, at most once a minute, as Waldur does on each use."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(_EXTEND_LIFETIME, (key,))


def load_tokens_by_username(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the tokens of all users by username."""
    return dict(connection.execute(_SELECT_TOKENS).fetchall())

"""Keeping the tokens of a demo marketplace alive, as Waldur does with its own (domain.md §4.1)."""

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
    """Start the lifetime of a token anew, at most once a minute."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(_EXTEND_LIFETIME, (key,))


def load_tokens_by_username(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Give the token of each user who has one."""
    return dict(connection.execute(_SELECT_TOKENS).fetchall())

"""The keys under which changes are made but once, in a table of our own."""

from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Select, Update, and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from gateway.db.admin import own_tables

_placed = own_tables.placed.c


def claim(user: int, key: str, asked: str, at: datetime) -> Any:
    """Take a key and give a row, unless it is taken; whoever is about to is waited for."""
    row = insert(own_tables.placed).values(user_id=user, key=key, asked=asked, at=at)
    free = row.on_conflict_do_nothing(index_elements=[_placed.user_id, _placed.key])
    return free.returning(_placed.id)


def settle(user: int, key: str, order: int | None) -> Update:
    """Note what came of what was asked under a key."""
    return update(own_tables.placed).where(_is(user, key)).values(order_id=order)


def known(user: int, key: str) -> Select[Any]:
    """Ask what a key stands for: what was asked, and the order that came of it."""
    return select(_placed.asked, _placed.order_id).where(_is(user, key))


def expire(before: datetime) -> Delete:
    """Forget keys that were taken before a moment."""
    return delete(own_tables.placed).where(_placed.at < before)


def _is(user: int, key: str) -> Any:
    return and_(_placed.user_id == user, _placed.key == key)

"""The keys under which changes are made but once, in a table of our own."""

from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Select, Update, and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from gateway.db.admin import own_tables

_idempotency_key = own_tables.idempotency_key.c


def claim_key(user_id: int, key: str, request_digest: str, claimed_at: datetime) -> Any:
    """Take a key and give a row, unless it is taken; whoever is about to is waited for."""
    insertion = insert(own_tables.idempotency_key).values(
        user_id=user_id, key=key, asked=request_digest, at=claimed_at
    )
    unclaimed_insertion = insertion.on_conflict_do_nothing(
        index_elements=[_idempotency_key.user_id, _idempotency_key.key]
    )
    return unclaimed_insertion.returning(_idempotency_key.id)


def settle_key(user_id: int, key: str, order_id: int | None) -> Update:
    """Note what came of what was asked under a key."""
    return (
        update(own_tables.idempotency_key)
        .where(_matches_key(user_id, key))
        .values(order_id=order_id)
    )


def select_key(user_id: int, key: str) -> Select[Any]:
    """Ask what a key stands for: what was asked, and the order that came of it."""
    return select(_idempotency_key.asked, _idempotency_key.order_id).where(
        _matches_key(user_id, key)
    )


def expire_keys(before: datetime) -> Delete:
    """Forget keys that were taken before a moment."""
    return delete(own_tables.idempotency_key).where(_idempotency_key.at < before)


def _matches_key(user_id: int, key: str) -> Any:
    return and_(_idempotency_key.user_id == user_id, _idempotency_key.key == key)

"""Statements on idempotency keys, which are stored in one of the gateway's own tables."""

from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Select, Update, and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from gateway.db.admin import own_tables

_idempotency_key = own_tables.idempotency_key.c


def claim_key(user_id: int, key: str, request_digest: str, claimed_at: datetime) -> Any:
    """Return an insert of a key; it returns a row unless the key exists.

    If a concurrent transaction is inserting the same key, the statement waits for its end.
    """
    insertion = insert(own_tables.idempotency_key).values(
        user_id=user_id, key=key, asked=request_digest, at=claimed_at
    )
    unclaimed_insertion = insertion.on_conflict_do_nothing(
        index_elements=[_idempotency_key.user_id, _idempotency_key.key]
    )
    return unclaimed_insertion.returning(_idempotency_key.id)


def settle_key(user_id: int, key: str, order_id: int | None) -> Update:
    """Return an update that stores the order placed under a key."""
    return (
        update(own_tables.idempotency_key)
        .where(_matches_key(user_id, key))
        .values(order_id=order_id)
    )


def select_key(user_id: int, key: str) -> Select[Any]:
    """Return a select of a key's request digest and order."""
    return select(_idempotency_key.asked, _idempotency_key.order_id).where(
        _matches_key(user_id, key)
    )


def expire_keys(before: datetime) -> Delete:
    """Return a delete of the keys that were inserted before a time."""
    return delete(own_tables.idempotency_key).where(_idempotency_key.at < before)


def _matches_key(user_id: int, key: str) -> Any:
    return and_(_idempotency_key.user_id == user_id, _idempotency_key.key == key)

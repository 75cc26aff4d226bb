"""Statements on idempotency keys, which are stored in one of the gateway's own tables.

A key is `key` of the user `user_id`. Without a result it is claimed, with one it is settled.
"""

from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, bindparam, cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from gateway.db.admin import own_tables
from gateway.db.driver.statement import Statement
from gateway.db.sql.filters import equals_value

_idempotency_key = own_tables.idempotency_key.c
_INSERTED_NAMES = ("user_id", "key", "request_digest", "claimed_at")
_is_id = equals_value(_idempotency_key.id, "id")
_matches_key = and_(
    equals_value(_idempotency_key.user_id, "user_id"), equals_value(_idempotency_key.key, "key")
)


def _build_insertion(**values: ColumnElement[Any]) -> Statement:
    """Return an insert of a key with these values and others that are parameters."""
    parameters = {
        name: bindparam(name, type_=_idempotency_key[name].type) for name in _INSERTED_NAMES
    }
    return Statement.from_element(
        insert(own_tables.idempotency_key)
        .values({**parameters, **values})
        .on_conflict_do_nothing(index_elements=[_idempotency_key.user_id, _idempotency_key.key])
        .returning(_idempotency_key.id)
    )


CLAIM_KEY = _build_insertion()
"""Insert of a key with a digest and a time; returns a row unless the key exists.

If a concurrent transaction is inserting the same key, the statement waits for its end.
"""

CLAIM_KEY_NOW = _build_insertion(claimed_at=func.now())
"""Insert of a key like `CLAIM_KEY`, with the time of the database."""

SETTLE_KEY = Statement.from_element(
    update(own_tables.idempotency_key)
    .where(_matches_key)
    .values(result=bindparam("result", type_=_idempotency_key.result.type))
)
"""Update that stores the result of a key's mutation."""

SELECT_KEY = Statement.from_element(
    select(_idempotency_key.request_digest, _idempotency_key.result).where(_matches_key)
)
"""Request digest and result of a key."""

EXPIRE_KEYS = Statement.from_element(
    delete(own_tables.idempotency_key).where(
        _idempotency_key.claimed_at
        < bindparam("expired_before", type_=_idempotency_key.claimed_at.type)
    )
)
"""Delete of the keys that were claimed before `expired_before`."""

FIND_CLAIM = Statement.from_element(
    select(
        _idempotency_key.id,
        _idempotency_key.request_digest,
        _idempotency_key.result,
        cast(func.floor(func.extract("epoch", func.now() - _idempotency_key.claimed_at)), Integer),
    )
    .where(
        _matches_key,
        _idempotency_key.claimed_at
        >= bindparam("expired_before", type_=_idempotency_key.claimed_at.type),
    )
    .with_for_update(read=True, key_share=True)
)
"""Id, request digest, result and age in seconds of a key, unless its lifetime is over.

The lock takes the privilege UPDATE: a role without it fails here, before anything is sent.
"""

SETTLE_CLAIM = Statement.from_element(
    update(own_tables.idempotency_key)
    .where(_is_id)
    .values(result=bindparam("result", type_=_idempotency_key.result.type))
)
"""Update that stores the result of a claim."""

RELEASE_CLAIM = Statement.from_element(
    delete(own_tables.idempotency_key).where(_is_id, _idempotency_key.result.is_(None))
)
"""Delete of a claim without a result."""

"""Statements on idempotency keys, which are stored in one of the gateway's own tables.

A key is `key` of the user `user_id`.
"""

from sqlalchemy import and_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from gateway.db.admin import own_tables
from gateway.db.driver.statement import Statement
from gateway.db.sql.filters import equals_value

_idempotency_key = own_tables.idempotency_key.c
_INSERTED_NAMES = ("user_id", "key", "request_digest", "claimed_at")
_matches_key = and_(
    equals_value(_idempotency_key.user_id, "user_id"), equals_value(_idempotency_key.key, "key")
)

CLAIM_KEY = Statement.from_element(
    insert(own_tables.idempotency_key)
    .values({name: bindparam(name, type_=_idempotency_key[name].type) for name in _INSERTED_NAMES})
    .on_conflict_do_nothing(index_elements=[_idempotency_key.user_id, _idempotency_key.key])
    .returning(_idempotency_key.id)
)
"""Insert of a key with a digest and a time; returns a row unless the key exists.

If a concurrent transaction is inserting the same key, the statement waits for its end.
"""

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

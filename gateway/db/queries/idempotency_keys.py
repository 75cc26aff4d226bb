"""Statements on idempotency keys, which are stored in one of the gateway's own tables.

A key is `key` of the user `user_id`.
"""

from sqlalchemy import and_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from gateway.db.admin import own_tables
from gateway.db.driver.statement import Statement
from gateway.db.sql.filters import equals_value

_idempotency_key = own_tables.idempotency_key.c
_INSERTED_NAMES = ("user_id", "key", "asked", "at")
_matches_key = and_(
    equals_value(_idempotency_key.user_id, "user_id"), equals_value(_idempotency_key.key, "key")
)

CLAIM_KEY = Statement.from_element(
    insert(own_tables.idempotency_key)
    .values({name: bindparam(name, type_=_idempotency_key[name].type) for name in _INSERTED_NAMES})
    .on_conflict_do_nothing(index_elements=[_idempotency_key.user_id, _idempotency_key.key])
    .returning(_idempotency_key.id)
)
"""Insert of a key with the digest `asked` and the time `at`; returns a row unless the key exists.

If a concurrent transaction is inserting the same key, the statement waits for its end.
"""

SETTLE_KEY = Statement.from_element(
    update(own_tables.idempotency_key)
    .where(_matches_key)
    .values(order_id=bindparam("order_id", type_=_idempotency_key.order_id.type))
)
"""Update that stores the order placed under a key, `order_id`."""

SELECT_KEY = Statement.from_element(
    select(_idempotency_key.asked, _idempotency_key.order_id).where(_matches_key)
)
"""Request digest and order of a key."""

EXPIRE_KEYS = Statement.from_element(
    delete(own_tables.idempotency_key).where(
        _idempotency_key.at < bindparam("expired_before", type_=_idempotency_key.at.type)
    )
)
"""Delete of the keys that were inserted before `expired_before`."""

"""Doing the same but once: what is asked for again under its key gives what came of it at first."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import blake2b

import msgspec

from gateway.db import tables
from gateway.db.queries.idempotency_keys import claim_key, expire_keys, select_key, settle_key
from gateway.marketplace.problems import (
    ChangeRefusedError,
    Conflict,
    build_invalid_input,
    raise_problem,
)
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork

KEY_LIFETIME = timedelta(hours=24)
"""For how long a key stands for what was done under it."""
MAX_KEY_LENGTH = 255


async def run_idempotent(
    unit_of_work: UnitOfWork,
    key: str | None,
    request: object,
    work: Callable[[], Awaitable[ChangeResult]],
) -> ChangeResult:
    """Do `work`, or give what came of it when the viewer `asked` for the same under that key.

    Who asks meanwhile waits for the first to be done. RefusedError if the key
    stands for something else.
    """
    if key is None:
        return await work()
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise_problem(
            build_invalid_input("idempotencyKey", message=f"Give 1 to {MAX_KEY_LENGTH} characters.")
        )
    digest = blake2b(msgspec.msgpack.encode(request, order="sorted"), digest_size=16).hexdigest()
    user_id, run_query = unit_of_work.actor_id or 0, unit_of_work.writer.execute_statement
    await run_query(expire_keys(unit_of_work.now - KEY_LIFETIME))
    if not await run_query(claim_key(user_id, key, digest, unit_of_work.now)):
        return await _load_stored_result(unit_of_work, key, digest)
    result = await work()
    await run_query(settle_key(user_id, key, result.order_id))
    return result


async def _load_stored_result(unit_of_work: UnitOfWork, key: str, digest: str) -> ChangeResult:
    ((stored_digest, order_id),) = await unit_of_work.writer.execute_statement(
        select_key(unit_of_work.actor_id or 0, key)
    )
    if stored_digest != digest:
        message = "This idempotencyKey was used for something else: take another."
        raise ChangeRefusedError(Conflict(message=message))
    return ChangeResult((await unit_of_work.load_row(tables.order, order_id)).resource_id, order_id)

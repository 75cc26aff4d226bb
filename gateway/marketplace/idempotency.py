"""Idempotency keys: a repeated request returns the result of the first one.

The key is inserted at the start of the transaction, with a digest of the request. A concurrent
request with the same key waits at the unique index until that transaction ends; then it
returns the stored result, or runs itself if the first was rolled back.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from hashlib import blake2b
from typing import Any

from gateway.db.queries.idempotency_keys import CLAIM_KEY, EXPIRE_KEYS, SELECT_KEY, SETTLE_KEY
from gateway.exact_json import decode_json, encode_canonical_json, encode_json
from gateway.marketplace.problems import (
    ChangeRefusedError,
    Conflict,
    build_invalid_input,
    raise_problem,
)
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork

KEY_LIFETIME = timedelta(hours=24)
"""Time after which a key is deleted and can be used again."""
MAX_KEY_LENGTH = 255
"""Maximum number of characters in a key."""


async def run_idempotent(
    unit_of_work: UnitOfWork,
    key: str | None,
    request: object,
    work: Callable[[], Awaitable[ChangeResult]],
) -> ChangeResult:
    """Run `work`, or return the result that the viewer's key already has.

    Without a key `work` always runs. Raises ChangeRefusedError if the key is too long,
    empty, or was used for another request.
    """
    if key is None:
        return await work()
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        message = f"must have 1 to {MAX_KEY_LENGTH} characters, got {len(key)}."
        raise_problem(build_invalid_input("idempotencyKey", message=message))
    digest = blake2b(encode_canonical_json(request), digest_size=16).hexdigest()
    user_key = {"user_id": unit_of_work.actor_id or 0, "key": key}
    run_query = unit_of_work.writer.execute_statement
    await run_query(EXPIRE_KEYS, {"expired_before": unit_of_work.now - KEY_LIFETIME})
    if not await run_query(
        CLAIM_KEY, {**user_key, "request_digest": digest, "claimed_at": unit_of_work.now}
    ):
        return await _load_stored_result(unit_of_work, user_key, digest)
    result = await work()
    await run_query(SETTLE_KEY, {**user_key, "result": encode_json(result).decode()})
    return result


async def _load_stored_result(
    unit_of_work: UnitOfWork, user_key: Mapping[str, Any], digest: str
) -> ChangeResult:
    ((stored_digest, stored_result),) = await unit_of_work.writer.execute_statement(
        SELECT_KEY, user_key
    )
    if stored_digest != digest:
        message = "`idempotencyKey` was already used for another request: choose a new key."
        raise ChangeRefusedError(Conflict(message=message))
    return ChangeResult(*decode_json(stored_result))

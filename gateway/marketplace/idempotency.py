"""Idempotency keys: a repeated request returns the result of the first one.

The key is inserted at the start of the transaction, with a digest of the request. A concurrent
request with the same key waits at the unique index until that transaction ends; then it
returns the stored result, or runs itself if the first was rolled back.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from hashlib import blake2b
from typing import Any

from gateway.db.admin import own_tables
from gateway.db.queries.idempotency_keys import CLAIM_KEY, EXPIRE_KEYS, SELECT_KEY, SETTLE_KEY
from gateway.exact_json import decode_json, encode_canonical_json, encode_json
from gateway.marketplace.problems import (
    ChangeRefusedError,
    Conflict,
    InvalidInput,
    build_invalid_input,
    raise_problem,
)
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork

KEY_LIFETIME = timedelta(hours=24)
"""Time after which a key is deleted and can be used again."""
MAX_KEY_LENGTH = 255
"""Maximum number of characters in a key."""
KEY_REUSE = Conflict(
    message="`idempotencyKey` was already used for another request: choose a new key."
)
_LOST_ANSWER = Conflict(
    message="The first request with this `idempotencyKey` was sent to Waldur, and its answer was"
    " lost: read the resource and its orders, then choose a new key."
)


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
    raise_problem(find_key_problem(key))
    digest = compute_digest(request)
    user_key = {"user_id": unit_of_work.actor_id or 0, "key": key}
    run_query = unit_of_work.writer.execute_statement
    await expire_keys(unit_of_work)
    if not await run_query(
        CLAIM_KEY, {**user_key, "request_digest": digest, "claimed_at": unit_of_work.now}
    ):
        return await _load_stored_result(unit_of_work, user_key, digest)
    result = await work()
    await run_query(SETTLE_KEY, {**user_key, "result": encode_json(result).decode()})
    return result


async def run_idempotent_part(
    unit_of_work: UnitOfWork,
    key: str,
    uuid: str,
    request: object,
    work: Callable[[], Awaitable[ChangeResult]],
) -> ChangeResult:
    """Run `work` on one of many resources like `run_idempotent`; each has a key of its own.

    The key is stored after the work, which locks the resource: so one that is refused has written
    nothing, and a concurrent request with the same key has ended, or waits for the lock.
    """
    digest = compute_digest((uuid, request))
    user_key = {"user_id": unit_of_work.actor_id or 0, "key": compute_part_key(uuid, key)}
    stored_result = await _find_stored_result(unit_of_work, user_key, digest)
    if stored_result is not None:
        return stored_result
    try:
        result = await work()
    except ChangeRefusedError:
        stored_result = await _find_stored_result(unit_of_work, user_key, digest)
        if stored_result is None:
            raise
        return stored_result
    await unit_of_work.writer.insert_row(
        own_tables.idempotency_key,
        **user_key,
        request_digest=digest,
        claimed_at=unit_of_work.now,
        result=encode_json(result).decode(),
    )
    return result


def find_key_problem(key: str) -> InvalidInput | None:
    """Return the problem of a key that is empty or too long; None if it is valid."""
    if 1 <= len(key) <= MAX_KEY_LENGTH:
        return None
    message = f"must have 1 to {MAX_KEY_LENGTH} characters, got {len(key)}."
    return build_invalid_input("idempotencyKey", message=message)


async def expire_keys(unit_of_work: UnitOfWork) -> None:
    """Delete the keys whose lifetime is over."""
    await unit_of_work.writer.execute_statement(
        EXPIRE_KEYS, {"expired_before": unit_of_work.now - KEY_LIFETIME}
    )


def compute_digest(request: object) -> str:
    """Return a digest of a request; equal requests have the same."""
    return blake2b(encode_canonical_json(request), digest_size=16).hexdigest()


def compute_part_key(uuid: str, key: str) -> str:
    """Return the key of one of many objects that are changed under a client's key."""
    return blake2b(f"{uuid} {key}".encode(), digest_size=16).hexdigest()


async def _load_stored_result(
    unit_of_work: UnitOfWork, user_key: Mapping[str, Any], digest: str
) -> ChangeResult:
    result = await _find_stored_result(unit_of_work, user_key, digest)
    assert result is not None
    return result


async def _find_stored_result(
    unit_of_work: UnitOfWork, user_key: Mapping[str, Any], digest: str
) -> ChangeResult | None:
    """Return the result of a key; None without one.

    Raises ChangeRefusedError if the key was used for another request, or has no result.
    """
    rows = await unit_of_work.writer.execute_statement(SELECT_KEY, user_key)
    if not rows:
        return None
    ((stored_digest, stored_result),) = rows
    if stored_digest != digest:
        raise ChangeRefusedError(KEY_REUSE)
    if stored_result is None:  # claimed by a gateway that changed this marketplace over REST
        raise ChangeRefusedError(_LOST_ANSWER)
    return ChangeResult(*decode_json(stored_result))

"""Doing the same but once: what is asked for again under its key gives what came of it at first."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import blake2b

import msgspec

from gateway.db import tables
from gateway.db.queries.idempotency_keys import claim, expire, known, settle
from gateway.marketplace.problems import Conflict, RefusedError, invalid, refuse
from gateway.marketplace.unit_of_work import Change, Changed

KEPT = timedelta(hours=24)
"""For how long a key stands for what was done under it."""
LONGEST_KEY = 255


async def once(
    change: Change, key: str | None, asked: object, work: Callable[[], Awaitable[Changed]]
) -> Changed:
    """Do `work`, or give what came of it when the viewer `asked` for the same under that key.

    Who asks meanwhile waits for the first to be done. RefusedError if the key
    stands for something else.
    """
    if key is None:
        return await work()
    if not 1 <= len(key) <= LONGEST_KEY:
        refuse(invalid("idempotencyKey", message=f"Give 1 to {LONGEST_KEY} characters."))
    digest = blake2b(msgspec.msgpack.encode(asked, order="sorted"), digest_size=16).hexdigest()
    user, find = change.actor or 0, change.writer.find
    await find(expire(change.now - KEPT))
    if not await find(claim(user, key, digest, change.now)):
        return await _known(change, key, digest)
    done = await work()
    await find(settle(user, key, done.order))
    return done


async def _known(change: Change, key: str, digest: str) -> Changed:
    ((asked, order),) = await change.writer.find(known(change.actor or 0, key))
    if asked != digest:
        message = "This idempotencyKey was used for something else: take another."
        raise RefusedError(Conflict(message=message))
    return Changed((await change.row(tables.order, order)).resource_id, order)

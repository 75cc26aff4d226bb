"""Claims of idempotency keys over a real Waldur, in the table of `gateway events install`.

A key is claimed, and that is committed, before its request is sent:

    claim_key ──> claimed ── accepted ───────────> settle_claim: the result is stored
                     │
                     ├────── refused ────────────> release_claim: the key is free again
                     │
                     └────── answer lost, or the gateway was killed: it stays claimed

What came of a request whose claim has no result is found out by the next one with the same key
(`gateway.rest_api.lost_answers`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from gateway.db.driver.database import Rows
from gateway.db.driver.errors import UnreadableTableError, UnwritableError
from gateway.db.driver.statement import Statement
from gateway.db.driver.transactions import Transaction, TransactionPool
from gateway.db.queries.idempotency_keys import (
    CLAIM_KEY_NOW,
    EXPIRE_KEYS,
    FIND_CLAIM,
    RELEASE_CLAIM,
    SETTLE_CLAIM,
)
from gateway.exact_json import decode_json, encode_json
from gateway.marketplace.idempotency import KEY_LIFETIME
from gateway.marketplace.problems import ChangeRefusedError, Unavailable
from gateway.marketplace.unit_of_work import ChangeResult

T = TypeVar("T")
TABLE_MISSING = Unavailable(
    message="`idempotencyKey` needs a table that this installation lacks: its operator has to run "
    "`gateway events install`. Nothing was sent to Waldur.",
    retryable=False,
)
PRIVILEGE_MISSING = Unavailable(
    message="`idempotencyKey` needs privileges that the gateway's database role lacks: SELECT, "
    "INSERT, UPDATE and DELETE on gateway.idempotency_key. Nothing was sent to Waldur.",
    retryable=False,
)
DATABASE_READ_ONLY = Unavailable(
    message="`idempotencyKey` can't be stored: the database is read-only at present. "
    "Nothing was sent to Waldur.",
    retryable=True,
)


@dataclass(frozen=True)
class RequestKey:
    """A user's idempotency key, and the digest of the request that it is for."""

    user_id: int
    key: str
    digest: str

    @property
    def identity(self) -> tuple[int, str]:
        """The user and the key."""
        return self.user_id, self.key


@dataclass(frozen=True)
class KeyClaim:
    """A claim of a key."""

    id: int
    digest: str
    """The digest of the request that the key was claimed for."""
    result: ChangeResult | None
    """What came of it; None while that is not known."""
    age_seconds: int


class KeyClaims:
    """The claims in a database; all methods commit what they write.

    They raise ChangeRefusedError if keys can't be stored, and UnavailableError or TimedOutError if
    the database can't be used.
    """

    def __init__(self, transaction_pool: TransactionPool) -> None:
        """Store claims by the pool for writes."""
        self._transaction_pool = transaction_pool

    async def find_claim(self, request_key: RequestKey) -> KeyClaim | None:
        """Return the claim of a key; None if there is none, or its lifetime is over."""
        expired_before = datetime.now(UTC) - KEY_LIFETIME
        rows = await self.run_statement(
            FIND_CLAIM,
            user_id=request_key.user_id,
            key=request_key.key,
            expired_before=expired_before,
        )
        if not rows:
            return None
        ((id_, digest, result, age_seconds),) = rows
        return KeyClaim(
            id_, digest, None if result is None else ChangeResult(*decode_json(result)), age_seconds
        )

    async def claim_key(self, request_key: RequestKey) -> int | None:
        """Claim a key and return the id of the claim; None if the key is claimed already."""

        async def claim_once(transaction: Transaction) -> Rows:
            expired_before = datetime.now(UTC) - KEY_LIFETIME
            await transaction.execute_statement(EXPIRE_KEYS, {"expired_before": expired_before})
            return await transaction.execute_statement(
                CLAIM_KEY_NOW,
                {
                    "user_id": request_key.user_id,
                    "key": request_key.key,
                    "request_digest": request_key.digest,
                },
            )

        rows = await self._run_transaction(claim_once)
        return int(rows[0][0]) if rows else None

    async def settle_claim(self, claim_id: int, result: ChangeResult) -> None:
        """Store the result of a claim."""
        await self.run_statement(SETTLE_CLAIM, id=claim_id, result=encode_json(result).decode())

    async def release_claim(self, claim_id: int) -> None:
        """Delete a claim, unless it has a result."""
        await self.run_statement(RELEASE_CLAIM, id=claim_id)

    async def run_statement(self, statement: Statement, **values: Any) -> Rows:
        """Run a statement in a transaction of its own and return its rows."""
        return await self._run_transaction(
            lambda transaction: transaction.execute_statement(statement, values)
        )

    async def _run_transaction(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        try:
            return await self._transaction_pool.run_transaction(work)
        except UnreadableTableError as error:
            raise ChangeRefusedError(TABLE_MISSING) from error
        except UnwritableError as error:
            problem = DATABASE_READ_ONLY if error.is_temporary else PRIVILEGE_MISSING
            raise ChangeRefusedError(problem) from error

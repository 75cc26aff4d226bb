"""From a token to its viewer: the only reads made on nobody's behalf (domain.md §4.1-4.10).

What a viewer's roles give is expanded to arrays of ids, so that the rules of
`visibility` are conditions on a row's own columns.
"""

from dataclasses import dataclass, replace
from typing import Any

from gateway.db import tables
from gateway.db.access.role_expansion import RESULTS, expansion
from gateway.db.access.site_settings import USUAL, Policy, policy
from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import Database, Rows
from gateway.db.driver.encoding import text
from gateway.db.driver.statement import Statement
from gateway.db.installation.installation import Installation

_HOLDER = """
select u.id, u.username, u.is_staff, u.is_support, u.is_active,
    coalesce(t.created < now() - make_interval(secs => u.token_lifetime), false)
from authtoken_token t join core_user u on u.id = t.user_id where t.key = :key
"""
_POLICY = "select key, value from constance_config where key = any(:keys)"


@dataclass(frozen=True)
class Holder:
    """Whose token it is, and whether it still counts (domain.md §4.1)."""

    id: int
    username: str
    is_staff: bool
    is_support: bool
    is_active: bool
    expired: bool
    """Whether the token is older than its user's tokens get; without a lifetime none is."""


class ViewerReader:
    """Reads viewers from one installation."""

    def __init__(self, installation: Installation, database: Database) -> None:
        self._installation, self._database = installation, database
        self._holder, self._policy = Statement.of(_HOLDER), Statement.of(_POLICY)
        self._ids = Statement.of(expansion(installation))

    async def holder(self, key: str) -> Holder | None:
        """Give whose token `key` is."""
        rows = await self._rows(self._holder, {"key": key})
        return Holder(*rows[0]) if rows else None

    async def viewer(self, holder: Holder | None, address: str | None) -> Viewer:
        """Give the viewer whom `holder` is; without one, the anonymous.

        `address` is the client's, for customers who show their resources to
        some networks only.
        """
        if holder is not None and holder.is_staff:
            return _everything(holder)
        allowed, known = await self._allowed(), holder is not None
        asking = {"user": holder and holder.id, "address": address, "mode": allowed.mode}
        ((member, *ids),) = await self._rows(self._ids, asking)
        expanded: Any = dict(zip(RESULTS, map(frozenset, ids), strict=True))
        if holder is not None and holder.is_support:
            return replace(_everything(holder), permissions=expanded["permissions"])
        return Viewer(
            user_id=holder.id if holder else None,
            username=holder.username if holder else None,
            consent_enforced=allowed.consents,
            catalogue=_catalogue(allowed, known=known, member=member),
            categories=known or allowed.anonymous_offerings,
            plans=known or (allowed.anonymous_offerings and allowed.anonymous_plans),
            **expanded,
        )

    async def _allowed(self) -> Policy:
        if tables.constance in self._installation.absent:
            return policy([])
        rows = await self._rows(self._policy, {"keys": list(USUAL)})
        return policy([(key, value) for key, value in rows])

    async def _rows(self, statement: Statement, given: dict[str, Any]) -> Rows:
        parameters = tuple([text(given[name]) for name in statement.parameters])
        (rows,) = await self._database.run([(statement, parameters)])
        return rows


def _everything(holder: Holder) -> Viewer:
    return Viewer(
        user_id=holder.id,
        username=holder.username,
        staff=holder.is_staff,
        support=holder.is_support,
        categories=True,
        catalogue=True,
        plans=True,
    )


def _catalogue(allowed: Policy, *, known: bool, member: bool) -> bool:
    """Say whether the shared offerings are shown at all."""
    if allowed.mode == "require_membership":
        return member
    return known or allowed.anonymous_offerings

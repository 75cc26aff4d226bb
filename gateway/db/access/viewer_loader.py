"""Loading of viewers by token (domain.md §4.1-4.10).

These statements run before there is a viewer. The viewer's roles are expanded to
arrays of ids (`role_expansion`), so that the row filters of `visibility` are
conditions on a row's own columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.db import tables
from gateway.db.access.personal_tokens import (
    SELECT_DESCENDANTS_SQL,
    PersonalToken,
    build_personal_token_query,
    parse_personal_token,
    supports_personal_tokens,
)
from gateway.db.access.role_expansion import ID_SET_QUERIES, build_role_expansion
from gateway.db.access.site_settings import DEFAULT_SETTINGS, SiteSettings, parse_site_settings
from gateway.db.access.token_scopes import TokenScopes
from gateway.db.access.viewer import Impersonator, Viewer
from gateway.db.driver.database import Database, Rows
from gateway.db.driver.encoding import encode_text
from gateway.db.driver.statement import Statement
from gateway.db.installation.installation import Installation

_SELECT_HOLDER_SQL = """
select u.id, u.username, u.is_staff, u.is_support, u.is_active,
    coalesce(t.created < now() - make_interval(secs => u.token_lifetime), false)
from authtoken_token t join core_user u on u.id = t.user_id where t.key = :key
"""
_SELECT_IMPERSONATION_SQL = """
select u.id, u.username, u.is_staff, u.is_support, u.is_active, false,
    exists (select from authtoken_token where user_id = u.id),
    s.id, replace(s.uuid::text, '-', '')
from authtoken_token t join core_user s on s.id = t.user_id cross join core_user u
where t.key = :key and u.uuid = :uuid
"""
_SELECT_NAMED_HOLDER_SQL = """
select id, username, is_staff, is_support, is_active, false,
    exists (select from authtoken_token where user_id = u.id)
from core_user u where username = :username
"""
_SITE_SETTINGS_SQL = "select key, value from constance_config where key = any(:keys)"


@dataclass(frozen=True)
class TokenHolder:
    """The user who owns a token, and whether the token is still valid (domain.md §4.1)."""

    id: int
    username: str
    is_staff: bool
    is_support: bool
    is_active: bool
    is_expired: bool
    """Whether the token is older than the user's token lifetime; false without a lifetime."""
    remaining_seconds: float | None = None
    """Seconds for which the token is valid at most, whatever its use; None: no such limit."""
    token_scopes: TokenScopes | None = None
    """Scopes of a personal access token; None for other tokens."""


@dataclass(frozen=True)
class Impersonation:
    """A user, whom the owner of a token impersonates."""

    holder: TokenHolder
    """The impersonated user, whose token is not used."""
    has_token: bool
    """Whether the impersonated user owns a token, valid or not."""
    impersonator: Impersonator


class ViewerLoader:
    """Loads token holders and viewers from the database of one installation."""

    def __init__(self, installation: Installation, database: Database) -> None:
        self._installation, self._database = installation, database
        self._holder_statement = Statement.from_named_sql(_SELECT_HOLDER_SQL)
        self._named_holder_statement = Statement.from_named_sql(_SELECT_NAMED_HOLDER_SQL)
        self._impersonation_statement = Statement.from_named_sql(_SELECT_IMPERSONATION_SQL)
        self._settings_statement = Statement.from_named_sql(_SITE_SETTINGS_SQL)
        self._personal_token_statement = Statement.from_named_sql(
            build_personal_token_query(installation)
        )
        self._descendants_statement = Statement.from_named_sql(SELECT_DESCENDANTS_SQL)
        self._id_sets_statement = Statement.from_named_sql(build_role_expansion(installation))

    async def load_token_holder(self, token_key: str) -> TokenHolder | None:
        """Return the owner of a token; None if there is no such token."""
        rows = await self._fetch_rows(self._holder_statement, {"key": token_key})
        return TokenHolder(*rows[0]) if rows else None

    async def load_named_holder(self, username: str) -> tuple[TokenHolder, bool] | None:
        """Return the user with a name, and whether the user owns a token; None without one."""
        rows = await self._fetch_rows(self._named_holder_statement, {"username": username})
        if not rows:
            return None
        *holder, has_token = rows[0]
        return TokenHolder(*holder), has_token

    async def load_impersonation(self, token_key: str, uuid: str) -> Impersonation | None:
        """Return the user with a uuid, impersonated by the owner of a token.

        Return None if there is no such user, or no such token.
        """
        values = {"key": token_key, "uuid": uuid}
        rows = await self._fetch_rows(self._impersonation_statement, values)
        if not rows:
            return None
        *holder, has_token, impersonator_id, impersonator_uuid = rows[0]
        impersonator = Impersonator(impersonator_id, impersonator_uuid)
        return Impersonation(TokenHolder(*holder), has_token, impersonator)

    @property
    def supports_personal_tokens(self) -> bool:
        """Whether the marketplace has personal access tokens."""
        return supports_personal_tokens(self._installation)

    async def load_personal_token_holder(
        self, token: str, address: str | None
    ) -> TokenHolder | None:
        """Return the owner of a personal access token; None if it is not valid at the address."""
        rows = await self._fetch_rows(self._personal_token_statement, parse_personal_token(token))
        for *holder_values, setting, scopes, allowed_scopes, allowed_networks in rows:
            stored_token = PersonalToken(setting, scopes, allowed_scopes, allowed_networks)
            if stored_token.is_accepted_from(address):
                token_scopes = stored_token.parse_scopes(self._installation)
                token_scopes = await self._add_descendants(token_scopes)
                return replace(TokenHolder(*holder_values), token_scopes=token_scopes)
        return None

    async def _add_descendants(self, token_scopes: TokenScopes) -> TokenScopes:
        """Return a token's scopes bound to the projects and offerings of its customers, too."""
        objects = token_scopes.objects or frozenset()
        customers = [id_ for type_name, id_ in objects if type_name == "customer"]
        if not customers:
            return token_scopes
        rows = await self._fetch_rows(self._descendants_statement, {"customers": customers})
        return replace(token_scopes, objects=objects.union(map(tuple, rows)))

    async def load_viewer(self, holder: TokenHolder | None, address: str | None) -> Viewer:
        """Load the viewer of a token holder, or the anonymous viewer without one.

        `address` is the client's IP address, which customers' subnets are compared
        with; None if it is unknown.
        """
        if holder is not None and holder.is_staff and holder.token_scopes is None:
            return _build_unrestricted_viewer(holder)
        site_settings = await self._load_site_settings()
        is_authenticated = holder is not None
        parameters = {
            "user": holder and holder.id,
            "address": address,
            "mode": site_settings.restricted_offering_mode,
        }
        ((is_member, *id_sets),) = await self._fetch_rows(self._id_sets_statement, parameters)
        id_sets_by_name: Any = dict(zip(ID_SET_QUERIES, map(frozenset, id_sets), strict=True))
        if holder is not None and (holder.is_staff or holder.is_support):
            return replace(
                _build_unrestricted_viewer(holder),
                consent_enforced=site_settings.enforces_consent,
                permissions=id_sets_by_name["permissions"],
                roles=id_sets_by_name["roles"],
            )
        return Viewer(
            user_id=holder.id if holder else None,
            username=holder.username if holder else None,
            token_scopes=holder.token_scopes if holder else None,
            consent_enforced=site_settings.enforces_consent,
            sees_catalogue=_can_see_catalogue(
                site_settings, is_authenticated=is_authenticated, is_member=is_member
            ),
            sees_categories=is_authenticated or site_settings.anonymous_can_view_offerings,
            sees_plans=is_authenticated
            or (
                site_settings.anonymous_can_view_offerings
                and site_settings.anonymous_can_view_plans
            ),
            **id_sets_by_name,
        )

    async def _load_site_settings(self) -> SiteSettings:
        return parse_site_settings(await self.load_stored_settings(list(DEFAULT_SETTINGS)))

    async def load_stored_settings(self, keys: Sequence[str]) -> list[tuple[str, str | None]]:
        """Return the keys and encoded values of those settings that are stored in Waldur."""
        if tables.constance in self._installation.missing_tables:
            return []
        rows = await self._fetch_rows(self._settings_statement, {"keys": keys})
        return [(key, value) for key, value in rows]

    async def _fetch_rows(self, statement: Statement, values: dict[str, Any]) -> Rows:
        parameters = tuple([encode_text(values[name]) for name in statement.parameter_names])
        (rows,) = await self._database.fetch_rows([(statement, parameters)])
        return rows


def _build_unrestricted_viewer(holder: TokenHolder) -> Viewer:
    viewer = Viewer(
        user_id=holder.id,
        username=holder.username,
        is_staff=holder.is_staff,
        is_support=holder.is_support,
        token_scopes=holder.token_scopes,
        sees_categories=True,
        sees_catalogue=True,
        sees_plans=True,
    )
    return replace(viewer, sees_history=viewer.acts_as_staff_or_support(None))


def _can_see_catalogue(
    site_settings: SiteSettings, *, is_authenticated: bool, is_member: bool
) -> bool:
    """Return whether the viewer sees the catalogue of shared offerings at all."""
    if site_settings.restricted_offering_mode == "require_membership":
        return is_member
    return is_authenticated or site_settings.anonymous_can_view_offerings

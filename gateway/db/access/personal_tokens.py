"""Personal access tokens as the database has them (rules.md §2).

A row of a token has its hash, so the look-up is by the SHA-256 of the whole token. The statement
selects valid tokens only; what it can't compare is parsed from JSON. Values that can't be read
allow nothing.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from gateway.db import tables
from gateway.db.access.site_settings import decode_stored_setting
from gateway.db.access.token_scopes import RoleScope, TokenScopes
from gateway.db.installation.installation import Installation
from gateway.exact_json import decode_json_or_none

_SELECT_HOLDER_SQL = """
select u.id, u.username, u.is_staff, u.is_support, u.is_active, false as is_expired,
    extract(epoch from least(t.expires_at, to_timestamp(:expiry)) - now())::float8,
    {setting}, t.scopes, {allowed_scopes}, {allowed_networks}
from core_personalaccesstoken t join core_user u on u.id = t.user_id
where t.token_hash = :hash and t.is_active and u.is_active and {can_use_tokens}
    and least(t.expires_at, to_timestamp(:expiry)) > now()
"""
SELECT_DESCENDANTS_SQL = """
select 'project', id from structure_project where customer_id = any(:customers)
union all select 'offering', id from marketplace_offering where customer_id = any(:customers)
"""
"""The objects of the customers `customers` on which roles are granted."""
_MODELS = {
    "customer": ("structure", "customer"),
    "project": ("structure", "project"),
    "offering": ("marketplace", "offering"),
    "resource": ("marketplace", "resource"),
}
"""The types of objects to which a token can be bound."""


class PersonalToken(NamedTuple):
    """The columns of a valid token that need parsing."""

    enabled_setting: str | None
    """The stored setting of the marketplace that allows such tokens; None without one."""
    scopes: str | None
    allowed_scopes: str | None
    allowed_networks: str | None

    def is_accepted_from(self, address: str | None) -> bool:
        """Return whether the marketplace accepts the token, and from this client address.

        Waldur stores the setting when it is first used, so a missing one counts as off.
        """
        if self.enabled_setting is None or decode_stored_setting(self.enabled_setting) is not True:
            return False
        networks = _decode_list(self.allowed_networks)
        return not networks or (
            address is not None and any(_contains_address(each, address) for each in networks)
        )

    def parse_scopes(self, installation: Installation) -> TokenScopes:
        """Return the scopes, with the objects to which the token itself is bound."""
        permissions = frozenset(each for each in _decode_list(self.scopes) if type(each) is str)
        bound_objects = _decode_list(self.allowed_scopes)
        if not bound_objects:
            return TokenScopes(permissions)
        return TokenScopes(permissions, frozenset(_iterate_objects(bound_objects, installation)))


def supports_personal_tokens(installation: Installation) -> bool:
    """Return whether the installation has a table of personal access tokens."""
    return installation.find_column(tables.personal_access_token.c.token_hash) is not None


def build_personal_token_query(installation: Installation) -> str:
    """Return the SQL that selects a valid token with its holder, for an installation.

    Its parameters are those of `parse_personal_token`. It selects the fields of `TokenHolder`,
    then those of `PersonalToken`.
    """
    token = tables.personal_access_token.c
    has_setting = not installation.lacks_table(tables.constance)
    setting = "(select value from constance_config where key = 'PAT_ENABLED')"
    optional_columns = {
        column.name: "null" if installation.find_column(column) is None else f"t.{column.name}"
        for column in (token.allowed_scopes, token.allowed_networks)
    }
    return _SELECT_HOLDER_SQL.format(
        setting=setting if has_setting else "null",
        can_use_tokens=_build_permission(installation),
        **optional_columns,
    )


def _build_permission(installation: Installation) -> str:
    """Return SQL that selects whether a user may use personal access tokens.

    A column that the database's role may not read permits none.
    """
    column = tables.user.c.can_use_personal_access_tokens
    if column in installation.unreadable_columns:
        return "false"
    return "true" if installation.find_column(column) is None else f"u.{column.name}"


def parse_personal_token(token: str) -> dict[str, Any]:
    """Return the parameters by which a token is looked up: its hash and expiry."""
    _, expiry, _ = token.split("_", 2)
    return {"hash": hash_personal_token(token), "expiry": int(expiry)}


def hash_personal_token(token: str) -> str:
    """Return the hash by which the database knows a token."""
    return sha256(token.encode()).hexdigest()


def _decode_list(value: str | None) -> list[Any]:
    """Return a stored list, which is empty if it is missing; any other value is a null in it."""
    if value in (None, "null"):
        return []
    decoded = decode_json_or_none(value)
    return decoded if isinstance(decoded, list) else [None]


def _contains_address(network: Any, address: str) -> bool:
    """Return whether a stored network is one, and contains an address."""
    try:
        return isinstance(network, str) and ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


def _iterate_objects(references: Sequence[Any], installation: Installation) -> Iterator[RoleScope]:
    """Yield the objects that stored references name; others are passed over."""
    type_ids = {name: installation.content_type_id(*model) for name, model in _MODELS.items()}
    for each in references:
        members = each if isinstance(each, dict) else {}
        for name, type_id in type_ids.items():
            object_id = members.get("object_id")
            if members.get("content_type_id") == type_id and type(object_id) is int:
                yield name, object_id

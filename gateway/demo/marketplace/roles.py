"""The roles, what each permits, and who has which (domain.md §2.13 to §2.15)."""

from datetime import datetime

from gateway.db import tables
from gateway.demo.marketplace import kinds
from gateway.demo.marketplace.rows import Rows


def _permissions(subject: str, verbs: str) -> list[str]:
    return [f"{subject}.{verb}" for verb in verbs.split()]


_CONSUMER = [
    *_permissions("RESOURCE", "LIST LIST_IMPORTABLE TERMINATE SET_PLAN SET_LIMITS"),
    *_permissions("ORDER", "LIST CREATE APPROVE_PRIVATE CANCEL DESTROY"),
    "PROJECT.LIST",
]
_MANAGER = [
    *_permissions("PROJECT", "UPDATE CREATE_PERMISSION UPDATE_PERMISSION DELETE_PERMISSION"),
    "RESOURCE.UPDATE",
]
_OWNER = [
    *_permissions("RESOURCE", "UPDATE_OPTIONS MANAGE_USERS CONSUMPTION_LIMITATION"),
    *_permissions("RESOURCE", "CREATE_ROBOT_ACCOUNT UPDATE_ROBOT_ACCOUNT DELETE_ROBOT_ACCOUNT"),
    *_permissions("ORDER", "APPROVE REJECT SET_CONSUMER_INFO"),
    *_permissions("PROJECT", "CREATE DELETE"),
    *_permissions("CUSTOMER", "UPDATE CREATE_PERMISSION UPDATE_PERMISSION DELETE_PERMISSION"),
    *_permissions("OFFERING", "CREATE DELETE CREATE_PLAN UPDATE_PLAN ARCHIVE_PLAN"),
]
_BACKEND = [
    *_permissions("RESOURCE", "SET_USAGE SET_BACKEND_ID SET_BACKEND_METADATA SET_STATE"),
    *_permissions("OFFERING", "UPDATE UPDATE_ATTRIBUTES UPDATE_COMPONENTS UPDATE_DESCRIPTION"),
    *_permissions("OFFERING", "UPDATE_INTEGRATION UPDATE_LOCATION UPDATE_OPTIONS"),
    *_permissions("OFFERING", "PAUSE UNPAUSE ARCHIVE ADD_ENDPOINT DELETE_ENDPOINT"),
]
_PROVIDER = _permissions("RESOURCE", "SET_END_DATE SUBMIT_REPORT")
_LISTING = ["RESOURCE.LIST", "ORDER.LIST", "PROJECT.LIST"]

ROLES = {
    "CUSTOMER.OWNER": (kinds.CUSTOMER, [*_CONSUMER, *_MANAGER, *_OWNER, *_BACKEND, *_PROVIDER]),
    "CUSTOMER.SUPPORT": (kinds.CUSTOMER, _LISTING),
    "CUSTOMER.READER": (kinds.CUSTOMER, _LISTING),
    "CUSTOMER.MANAGER": (kinds.SERVICE_PROVIDER, [*_BACKEND, *_PROVIDER]),
    "PROJECT.ADMIN": (kinds.PROJECT, _CONSUMER),
    "PROJECT.MANAGER": (kinds.PROJECT, [*_CONSUMER, *_MANAGER]),
    "PROJECT.MEMBER": (kinds.PROJECT, ["PROJECT.LIST", "RESOURCE.LIST"]),
    "OFFERING.MANAGER": (kinds.OFFERING, _BACKEND),
    "RESOURCE.USER": (kinds.RESOURCE, []),
    "PROJECT.GUEST": (kinds.PROJECT, ["PROJECT.LIST", "RESOURCE.LIST"]),
}
"""What each role is for, by content type, and what it permits."""
_OWN = {"RESOURCE.USER", "PROJECT.GUEST"}
"""The roles that no Waldur has by itself."""


def add(rows: Rows) -> "Grants":
    """Add the roles with what they permit, and give the means to grant them."""
    for name, (kind, permissions) in ROLES.items():
        key = rows.add(
            tables.role,
            name=name,
            description=name.replace(".", " ").capitalize(),
            description_en=name.replace(".", " ").capitalize(),
            is_system_role=name not in _OWN,
            is_active=name != "PROJECT.GUEST",
            content_type_id=kind,
        )
        for permission in permissions:
            rows.add(tables.role_permission, role_id=key, permission=permission)
    return Grants(rows)


class Grants:
    """The granting of roles."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._keys = {name: key for key, name in enumerate(ROLES, start=1)}

    def add(
        self,
        user: int,
        role: str,
        scope: int,
        *,
        active: bool | None = True,
        until: datetime | None = None,
    ) -> None:
        """Grant a user a role on what the role is for; null is as good as not active."""
        self._rows.add(
            tables.user_role,
            user_id=user,
            role_id=self._keys[role],
            content_type_id=ROLES[role][0],
            object_id=scope,
            created=self._rows.ago(self._rows.random.randrange(750, 799)),
            expiration_time=until,
            is_active=active,
        )

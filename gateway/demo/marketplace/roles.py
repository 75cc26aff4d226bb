"""Roles, their permissions, and their grants to users (domain.md §2.13 to §2.15)."""

from datetime import datetime

from gateway.db import tables
from gateway.demo.marketplace import kinds
from gateway.demo.marketplace.rows import RowWriter


def _build_permissions(subject: str, verbs: str) -> list[str]:
    return [f"{subject}.{verb}" for verb in verbs.split()]


_CONSUMER_PERMISSIONS = [
    *_build_permissions("RESOURCE", "LIST LIST_IMPORTABLE TERMINATE SET_PLAN SET_LIMITS"),
    *_build_permissions("ORDER", "LIST CREATE APPROVE_PRIVATE CANCEL DESTROY"),
    "PROJECT.LIST",
]
_MANAGER_PERMISSIONS = [
    *_build_permissions("PROJECT", "UPDATE CREATE_PERMISSION UPDATE_PERMISSION DELETE_PERMISSION"),
    "RESOURCE.UPDATE",
]
_OWNER_PERMISSIONS = [
    *_build_permissions("RESOURCE", "UPDATE_OPTIONS MANAGE_USERS CONSUMPTION_LIMITATION"),
    *_build_permissions(
        "RESOURCE", "CREATE_ROBOT_ACCOUNT UPDATE_ROBOT_ACCOUNT DELETE_ROBOT_ACCOUNT"
    ),
    *_build_permissions("ORDER", "APPROVE REJECT SET_CONSUMER_INFO"),
    *_build_permissions("PROJECT", "CREATE DELETE"),
    *_build_permissions("CUSTOMER", "UPDATE CREATE_PERMISSION UPDATE_PERMISSION DELETE_PERMISSION"),
    *_build_permissions("OFFERING", "CREATE DELETE CREATE_PLAN UPDATE_PLAN ARCHIVE_PLAN"),
]
_BACKEND_PERMISSIONS = [
    *_build_permissions("RESOURCE", "SET_USAGE SET_BACKEND_ID SET_BACKEND_METADATA SET_STATE"),
    *_build_permissions(
        "OFFERING", "UPDATE UPDATE_ATTRIBUTES UPDATE_COMPONENTS UPDATE_DESCRIPTION"
    ),
    *_build_permissions("OFFERING", "UPDATE_INTEGRATION UPDATE_LOCATION UPDATE_OPTIONS"),
    *_build_permissions("OFFERING", "PAUSE UNPAUSE ARCHIVE ADD_ENDPOINT DELETE_ENDPOINT"),
]
_PROVIDER_PERMISSIONS = _build_permissions("RESOURCE", "SET_END_DATE SUBMIT_REPORT")
_LISTING_PERMISSIONS = ["RESOURCE.LIST", "ORDER.LIST", "PROJECT.LIST"]

ROLE_PERMISSIONS = {
    "CUSTOMER.OWNER": (
        kinds.CUSTOMER,
        [
            *_CONSUMER_PERMISSIONS,
            *_MANAGER_PERMISSIONS,
            *_OWNER_PERMISSIONS,
            *_BACKEND_PERMISSIONS,
            *_PROVIDER_PERMISSIONS,
        ],
    ),
    "CUSTOMER.SUPPORT": (kinds.CUSTOMER, _LISTING_PERMISSIONS),
    "CUSTOMER.READER": (kinds.CUSTOMER, _LISTING_PERMISSIONS),
    "CUSTOMER.MANAGER": (kinds.SERVICE_PROVIDER, [*_BACKEND_PERMISSIONS, *_PROVIDER_PERMISSIONS]),
    "PROJECT.ADMIN": (kinds.PROJECT, _CONSUMER_PERMISSIONS),
    "PROJECT.MANAGER": (kinds.PROJECT, [*_CONSUMER_PERMISSIONS, *_MANAGER_PERMISSIONS]),
    "PROJECT.MEMBER": (kinds.PROJECT, ["PROJECT.LIST", "RESOURCE.LIST"]),
    "OFFERING.MANAGER": (kinds.OFFERING, _BACKEND_PERMISSIONS),
    "RESOURCE.USER": (kinds.RESOURCE, []),
    "PROJECT.GUEST": (kinds.PROJECT, ["PROJECT.LIST", "RESOURCE.LIST"]),
}
"""Content type of the scope and permissions of each role, by name."""
_CUSTOM_ROLES = {"RESOURCE.USER", "PROJECT.GUEST"}
"""Roles that are not built into Waldur."""


def add_roles(writer: RowWriter) -> "RoleGranter":
    """Add the roles with their permissions; return the granter of them."""
    for name, (content_type_id, permissions) in ROLE_PERMISSIONS.items():
        role_id = writer.add_row(
            tables.role,
            name=name,
            description=name.replace(".", " ").capitalize(),
            description_en=name.replace(".", " ").capitalize(),
            is_system_role=name not in _CUSTOM_ROLES,
            is_active=name != "PROJECT.GUEST",
            content_type_id=content_type_id,
        )
        for permission in permissions:
            writer.add_row(tables.role_permission, role_id=role_id, permission=permission)
    return RoleGranter(writer)


class RoleGranter:
    """Granter of roles to users."""

    def __init__(self, writer: RowWriter) -> None:
        self._writer = writer
        self._role_ids = {name: key for key, name in enumerate(ROLE_PERMISSIONS, start=1)}

    def grant_role(
        self,
        user_id: int,
        role: str,
        scope_id: int,
        *,
        is_active: bool | None = True,
        expires_at: datetime | None = None,
    ) -> None:
        """Grant a user a role on a scope of the role's type.

        `is_active` None is written as null, which counts as not active.
        """
        self._writer.add_row(
            tables.user_role,
            user_id=user_id,
            role_id=self._role_ids[role],
            content_type_id=ROLE_PERMISSIONS[role][0],
            object_id=scope_id,
            created=self._writer.days_ago(self._writer.random.randrange(750, 799)),
            expiration_time=expires_at,
            is_active=is_active,
        )

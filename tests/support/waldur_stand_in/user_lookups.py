"""Who asks, and what they may: tokens, visibility and permissions, in SQL of its own.

It is independent of the gateway's code: visibility is that of the oracle.
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from tests.support.oracle import Oracle, OracleViewer
from tests.support.waldur_stand_in.api_description import (
    CONSUMER_COLLECTION,
    ORDER_COLLECTION,
    PROVIDER_COLLECTION,
)

_NOUNS = {
    CONSUMER_COLLECTION: "resource_as_consumer",
    PROVIDER_COLLECTION: "resource_as_provider",
    ORDER_COLLECTION: "order",
}
_GATEWAY_ADDRESS = "127.0.0.1"
_USER_SQL = """
select u.id, u.username, u.is_active, u.is_staff, u.is_support from core_user u
join authtoken_token t on t.user_id = u.id where t.key = %s
"""
_PERMISSION_SQL = """
select exists (
    select from marketplace_resource r
    join structure_project p on p.id = r.project_id
    join marketplace_offering o on o.id = r.offering_id
    join permissions_userrole ur on ur.user_id = %(user)s and ur.is_active
    join permissions_rolepermission rp on rp.role_id = ur.role_id
        and rp.permission = 'RESOURCE.SET_END_DATE'
    join django_content_type ct on ct.id = ur.content_type_id
    where r.uuid = %(uuid)s and (ct.model, ur.object_id) in (
        select 'project', p.id where not %(provider)s
        union select 'customer', p.customer_id where not %(provider)s
        union select 'offering', o.id where %(provider)s
        union select 'customer', o.customer_id where %(provider)s))
"""
_INVOICED_SQL = """
select exists (
    select from invoices_invoiceitem t join invoices_invoice i on i.id = t.invoice_id
    join marketplace_resource r on r.id = t.resource_id
    where r.uuid = %s and i.created > now() - interval '90 days')
"""


@dataclass(frozen=True)
class WaldurUser:
    """The user of a request."""

    id: int
    username: str
    is_active: bool
    is_staff: bool
    is_support: bool


class UserLookups:
    """Lookups in the stand-in's database."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Use a connection in autocommit mode."""
        self._connection = connection
        self._oracle = Oracle(connection, 2026)

    def fetch_row(self, statement: str, *parameters: Any) -> tuple[Any, ...]:
        """Run a statement and return its only row."""
        (row,) = self._connection.execute(statement.encode(), parameters)
        return tuple(row)

    def find_user(self, authorization: str) -> WaldurUser | None:
        """Return the user of a token in a header; None if there is none."""
        keyword, _, key = authorization.partition(" ")
        rows = self._connection.execute(_USER_SQL, [key]).fetchall()
        return WaldurUser(*rows[0]) if rows and keyword == "Token" else None

    def is_visible(self, user: WaldurUser, collection: str, uuid: str) -> bool:
        """Return whether a user sees an object in a collection."""
        viewer = OracleViewer(user.id, _GATEWAY_ADDRESS)
        return uuid in self._oracle.visible_uuids(_NOUNS[collection], viewer)

    def may_set_end_date(self, user: WaldurUser, collection: str, uuid: str) -> bool:
        """Return whether a user may set an end date as one of the collection (domain.md §4.11)."""
        parameters = {
            "user": user.id,
            "uuid": uuid,
            "provider": collection == PROVIDER_COLLECTION,
        }
        cursor = self._connection.execute(_PERMISSION_SQL, parameters)
        return user.is_staff or cursor.fetchone() == (True,)

    def is_invoiced(self, uuid: str) -> bool:
        """Return whether a resource is on an invoice of the last 90 days."""
        return self.fetch_row(_INVOICED_SQL, uuid) == (True,)

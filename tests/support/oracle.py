"""The visibility oracle: an independent implementation of the access rules in plain SQL.

It is written from domain.md §4 without the gateway's code; generated tests compare the gateway's
answers with it. Sections (§) are those of domain.md, the team's sheet of facts about Waldur;
"decided" marks a rule that this project chose because that sheet is silent:

* Staff and support see everything (§4.4-4.10), inactive users nothing (§4.1). A role counts while
  its user_role row is active, expired or not; the role itself must be active only where a
  permission is required (§4.2).
* Resource as consumer (§4.4): in 2026, a role with RESOURCE.LIST on the project or its customer, or
  any role on the resource or one of its sub-projects; in 2024, any role on the project or its
  customer. A customer's subnets hide its resources from other addresses (§4.4); a direct role on
  the resource is not an exception, and an unknown address is in no subnet (decided).
* Resource as provider (§4.5): in 2026, any role on the offering, its customer or that customer's
  service provider; in 2024, on its customer. `resource` is the union of both (decided).
* Offering (§4.7): any role on it, its customer or its project, in every state; or the catalogue:
  active or paused and shared, unless RESTRICTED_OFFERING_VISIBILITY_MODE requires groups and a
  plan, or a role, that the viewer lacks, or `restricted_to_roles` (2026) names only roles that the
  viewer lacks and the viewer sees no resource of it as a consumer. A child offering has the plans
  of its parent (§3.5). Anonymous users see the catalogue if ANONYMOUS_USER_CAN_VIEW_OFFERINGS is
  set (§4.7), under the same conditions, without groups and roles (decided).
* Component, partition, role of an offering: with their offering (decided). Plan: also with its
  offering, archived ones included; one with organisation groups is for customers of these groups
  (§3.5); anonymous users see plans without groups if ANONYMOUS_USER_CAN_VIEW_PLANS is set (§3.5,
  §4.8).
* Groups are those of the customers that the viewer sees (§3.5): many per customer, in 2024 one
  (§1.13).
* Project (§4.10): as resources for consumers, but with PROJECT.LIST and without subnets; in 2026
  also the project of a resource with a direct role. Removed projects are hidden from all (decided).
* Customer (§4.10): any role on it or on one of its projects; in 2026 also on one of its resources
  or on its service provider (decided).
* Order (§4.9): ORDER.LIST on its project, that project's customer, or the offering's customer; in
  2026 also on the offering; in 2024 any role on the project or either customer, because no role has
  ORDER.LIST there (decided).
* Category: all authenticated users, others if ANONYMOUS_USER_CAN_VIEW_OFFERINGS is set (decided).
* User: the viewer's own (decided).
* A setting without a row has the default of Waldur's code (§1.0): both ANONYMOUS_… settings are
  true, and the mode is `show_all`.
"""

import json
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from pickletools import genops
from typing import Final, Literal

import psycopg
from psycopg.rows import scalar_row
from psycopg.sql import SQL, Composable, Identifier


@dataclass(frozen=True)
class OracleViewer:
    """A viewer: a user, or an anonymous client (None), and the IP address if it is known."""

    user_id: int | None
    address: str | None = None


class Oracle:
    """Queries for the rows that a viewer sees, by the rules of 2024 or 2026."""

    def __init__(self, connection: psycopg.Connection, year: Literal[2024, 2026]) -> None:
        self._connection = connection
        self._year = year

    def visible_uuids(self, noun: str, viewer: OracleViewer) -> set[str]:
        """Return the uuids, as 32 hex digits, of the rows of `noun` that the viewer sees."""
        statement = SQL(_RULES_SQL).format(
            visible=Identifier(_CTES_BY_NOUN[noun]), **self._substitute_tables()
        )
        settings = {
            key: self._read_setting(key, default) for key, default in _DEFAULT_SETTINGS.items()
        }
        parameters = {"user": viewer.user_id, "address": viewer.address, "rules": self._year}
        with self._connection.cursor(row_factory=scalar_row) as cursor:
            return set(cursor.execute(statement, parameters | settings))

    def find_viewer(self, username: str, address: str | None = None) -> OracleViewer:
        """Return the user of a name as a viewer."""
        statement = "select id from core_user where username = %s"
        with self._connection.cursor(row_factory=scalar_row) as cursor:
            [user_id] = cursor.execute(statement, [username])
        return OracleViewer(user_id, address)

    def _substitute_tables(self) -> dict[str, Composable]:
        """Return the tables that not every Waldur has, or selects that replace missing ones."""
        return {
            name: SQL(name if self._table_exists(name) else substitute)
            for name, substitute in _TABLE_SUBSTITUTES.items()
        }

    def _table_exists(self, table: str) -> bool:
        cursor = self._connection.execute("select to_regclass(%s) is not null", [table])
        return cursor.fetchone() == (True,)

    def _read_setting(self, key: str, default: object) -> object:
        statement = "select value from constance_config where key = %s and value is not null"
        row = self._connection.execute(statement, [key]).fetchone()
        return default if row is None else decode_setting(row[0])


def decode_setting(stored: str) -> object:
    """Decode a value of constance_config: JSON or, in 2024, a pickle of a plain value."""
    try:
        value = json.loads(stored)
    except ValueError:
        return _decode_pickle(b64decode(stored, validate=True))
    return value["__value__"] if isinstance(value, dict) and "__value__" in value else value


def _decode_pickle(pickle: bytes) -> object:
    """Decode a pickle of True, False, None, a string or an integer without executing it."""
    value: object = None
    for code, argument, _ in genops(pickle):
        if code.name in _CONSTANT_OPCODES:
            value = _CONSTANT_OPCODES[code.name]
        elif code.name in _LITERAL_OPCODES:
            value = argument
        elif code.name not in _FRAMING_OPCODES:
            raise ValueError(
                f"A setting's pickle must be a plain value, got the opcode {code.name}."
            )
    return value


_RULES_SQL: Final = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")

_CONSTANT_OPCODES: Final = {"NEWTRUE": True, "NEWFALSE": False, "NONE": None}
_LITERAL_OPCODES: Final = {
    "BININT",
    "BININT1",
    "BININT2",
    "LONG1",
    "BINUNICODE",
    "SHORT_BINUNICODE",
}
_FRAMING_OPCODES: Final = {"PROTO", "FRAME", "BINPUT", "LONG_BINPUT", "MEMOIZE", "STOP"}

_DEFAULT_SETTINGS: Final = {
    "ANONYMOUS_USER_CAN_VIEW_OFFERINGS": True,
    "ANONYMOUS_USER_CAN_VIEW_PLANS": True,
    "RESTRICTED_OFFERING_VISIBILITY_MODE": "show_all",
}

_TABLE_SUBSTITUTES: Final = {
    "marketplace_resourceproject": "(select 0 id, 0 resource_id, true is_removed where false)",
    "marketplace_offeringpartition": "(select gen_random_uuid() uuid, 0 offering_id where false)",
    "structure_customer_organization_groups": (
        "(select id customer_id, organization_group_id organizationgroup_id"
        " from structure_customer)"
    ),
}

_CTES_BY_NOUN: Final = {
    "resource": "resource",
    "resource_as_consumer": "consumer_resource",
    "resource_as_provider": "provider_resource",
    "offering": "offering",
    "component": "component",
    "plan": "plan",
    "partition": "partition",
    "offeringrole": "offering_user_role",
    "order": "visible_order",
    "category": "category",
    "project": "project",
    "customer": "customer",
    "user": "visible_user",
}
NOUNS: Final = tuple(_CTES_BY_NOUN)

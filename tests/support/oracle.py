"""Who sees what, said a second time: in plain SQL, from domain.md §4, without the gateway's code.

Generated tests compare this with what the gateway answers. Each rule and where it comes from
("design" marks a decision taken where domain.md is silent):

* Staff and support see everything (§4.4 to 4.10), inactive people nothing (§4.1). A role counts
  while its userrole is active, expired or not; its permissions_role must be active only where a
  permission is asked for (§4.2).
* Resource as consumer (§4.4): 2026 a role with RESOURCE.LIST on the project or its customer, or any
  role on the resource or a sub-project of it; 2024 any role on the project or its customer.
  A customer's subnets conceal its resources from other addresses (§4.4); who directly holds a role
  on the resource is no exception, and an unknown address lies in no subnet (design).
* Resource as provider (§4.5): 2026 any role on the offering, its customer or that customer's
  service provider; 2024 on its customer. `resource` is either side (design.md §5).
* Offering (§4.7): any role on it, its customer or its project, in every state; or the catalogue:
  Active or Paused, shared, and none of these: RESTRICTED_OFFERING_VISIBILITY_MODE asks for groups
  and a plan, or for a role, that the asker lacks; `restricted_to_roles` (2026) names roles that the
  asker lacks without seeing, as a consumer, a resource of it. A child offering's plans are its
  parent's (§3.5). Anonymous people see the catalogue when ANONYMOUS_USER_CAN_VIEW_OFFERINGS (§4.7),
  with the same conditions, having neither groups nor roles (design).
* Component, partition, role of an offering: with the offering that has them (design). Plan:
  likewise; archived ones too; one with organisation groups is for customers of these groups (§3.5);
  anonymous people see plans without groups, when ANONYMOUS_USER_CAN_VIEW_PLANS (§3.5, §4.8).
* Groups are those of the customers that the asker sees (§3.5): several a customer, in 2024 one
  (§1.13).
* Project (§4.10): as a consumer sees resources, with PROJECT.LIST, and without subnets; 2026 also
  that of a resource with a direct role. A removed project is seen by nobody (design).
* Customer (§4.10): any role on it or on a project of it; 2026 also on a resource of it or on its
  service provider (design).
* Order (§4.9): with ORDER.LIST on its project, that project's customer, or the offering's customer;
  2026 also on the offering; 2024 with any role on the project or either customer, as no role has
  ORDER.LIST there (design).
* Category: everybody logged in, others when ANONYMOUS_USER_CAN_VIEW_OFFERINGS (design).
* User: oneself (design).
* A setting without a row has the default of Waldur's code (§1.0): the two ANONYMOUS… are true and
  the mode is `show_all` in Waldur's core/settings.
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
    """Somebody who asks: a user, or nobody known, from an address if that is known."""

    user_id: int | None
    address: str | None = None


class Oracle:
    """Tells which rows of a marketplace somebody sees, by the rules of 2024 or 2026."""

    def __init__(self, connection: psycopg.Connection, year: Literal[2024, 2026]) -> None:
        self._connection = connection
        self._year = year

    def visible_uuids(self, noun: str, viewer: OracleViewer) -> set[str]:
        """Give the uuids, as 32 hex digits, of the rows of `noun` that `asker` sees."""
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
        """Give the user of that name as somebody who asks."""
        statement = "select id from core_user where username = %s"
        with self._connection.cursor(row_factory=scalar_row) as cursor:
            [user_id] = cursor.execute(statement, [username])
        return OracleViewer(user_id, address)

    def _substitute_tables(self) -> dict[str, Composable]:
        """Give the tables that not every Waldur has, or what stands in for them."""
        return {
            name: SQL(name) if self._table_exists(name) else SQL(instead)
            for name, instead in _TABLE_SUBSTITUTES.items()
        }

    def _table_exists(self, table: str) -> bool:
        cursor = self._connection.execute("select to_regclass(%s) is not null", [table])
        return cursor.fetchone() == (True,)

    def _read_setting(self, key: str, default: object) -> object:
        statement = "select value from constance_config where key = %s and value is not null"
        row = self._connection.execute(statement, [key]).fetchone()
        return default if row is None else decode_setting(row[0])


def decode_setting(stored: str) -> object:
    """Give what a row of constance_config holds: JSON or, in 2024, a pickle of a plain value."""
    try:
        value = json.loads(stored)
    except ValueError:
        return _decode_pickle(b64decode(stored, validate=True))
    return value["__value__"] if isinstance(value, dict) and "__value__" in value else value


def _decode_pickle(pickle: bytes) -> object:
    """Read a pickle of True, False, None, a string or an integer without running it."""
    value: object = None
    for code, argument, _ in genops(pickle):
        if code.name in _CONSTANT_OPCODES:
            value = _CONSTANT_OPCODES[code.name]
        elif code.name in _LITERAL_OPCODES:
            value = argument
        elif code.name not in _FRAMING_OPCODES:
            raise ValueError(f"A setting is no plain value: its pickle has {code.name}.")
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
    "resource_as_consumer": "consumed",
    "resource_as_provider": "provided",
    "offering": "offering",
    "component": "component",
    "plan": "plan",
    "partition": "partition",
    "offeringrole": "role_of_offering",
    "order": "ordered",
    "category": "category",
    "project": "project",
    "customer": "customer",
    "user": "person",
}
NOUNS: Final = tuple(_CTES_BY_NOUN)

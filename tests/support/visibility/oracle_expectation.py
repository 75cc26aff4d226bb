"""The oracle's expectation about a marketplace: visible rows by viewer, and child rows by owner."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Literal

import psycopg
from psycopg.sql import SQL, Identifier

from tests.support.oracle import Oracle, OracleViewer

Year = Literal[2024, 2026]
YEARS: tuple[Year, ...] = (2024, 2026)
UuidsByOwner = Mapping[str, list[str | None]]

TABLES_BY_TYPE = {
    "Category": "marketplace_category",
    "Component": "marketplace_offeringcomponent",
    "Customer": "structure_customer",
    "Offering": "marketplace_offering",
    "OfferingRole": "marketplace_offeringuserrole",
    "Order": "marketplace_order",
    "Partition": "marketplace_offeringpartition",
    "Plan": "marketplace_plan",
    "Project": "structure_project",
    "Resource": "marketplace_resource",
    "User": "core_user",
}
"""The tables of the node types."""

CHILD_QUERIES = {
    "Category.offerings": """marketplace_category o
        join marketplace_offering r on r.category_id = o.id""",
    "Resource.children": "marketplace_resource o join marketplace_resource r on r.parent_id = o.id",
    "Customer.offerings": """structure_customer o
        join marketplace_offering r on r.customer_id = o.id""",
    "Customer.projects": "structure_customer o join structure_project r on r.customer_id = o.id",
    "Customer.resources": """structure_customer o join structure_project p on p.customer_id = o.id
        join marketplace_resource r on r.project_id = p.id""",
    "Offering.components": """marketplace_offering o
        join marketplace_offeringcomponent r on r.offering_id = o.id""",
    "Offering.endpoints": """marketplace_offering o
        join marketplace_offeringaccessendpoint r on r.offering_id = o.id""",
    "Offering.partitions": """marketplace_offering o
        join marketplace_offeringpartition r on r.offering_id = o.id""",
    "Offering.effectiveComponents": """marketplace_offering o
        join marketplace_offeringcomponent r on r.offering_id = coalesce(o.parent_id, o.id)
            and (o.type <> 'OpenStack.Tenant'
                or case coalesce(o.plugin_options ->> 'storage_mode', 'fixed')
                    when 'fixed' then r.type = any(array['cores', 'ram', 'storage'])
                    else r.type <> 'storage' end)""",
    "Offering.effectivePlans": """marketplace_offering o
        join marketplace_plan r on r.offering_id = coalesce(o.parent_id, o.id)""",
    "Offering.roles": """marketplace_offering o
        join marketplace_offeringuserrole r on r.offering_id = o.id""",
    "Offering.softwareCatalogs": """marketplace_offering o
        join marketplace_offeringsoftwarecatalog r on r.offering_id = o.id""",
    "Offering.plans": "marketplace_offering o join marketplace_plan r on r.offering_id = o.id",
    "Offering.resources": """marketplace_offering o
        join marketplace_resource r on r.offering_id = o.id""",
    "Plan.components": """marketplace_plan o join marketplace_plancomponent c on c.plan_id = o.id
        left join marketplace_offeringcomponent r on r.id = c.component_id""",
    "Plan.resources": "marketplace_plan o join marketplace_resource r on r.plan_id = o.id",
    "Project.resources": "structure_project o join marketplace_resource r on r.project_id = o.id",
    "PlanPeriod.usages": """marketplace_resourceplanperiod o
        join marketplace_componentusage r on r.plan_period_id = o.id
            and r.billing_period = date_trunc('month', current_date)""",
    "Resource.history": """marketplace_resource o
        join reversion_version v on v.object_id = o.id::text
        join django_content_type t on t.id = v.content_type_id and t.model = 'resource'
        join reversion_revision e on e.id = v.revision_id
        left join core_user r on r.id = e.user_id""",
    "Resource.planPeriods": """marketplace_resource o
        join marketplace_resourceplanperiod r on r.resource_id = o.id
            and (r."end" is null or r."end" >= date_trunc('month', current_date))""",
    "Resource.subresourceOfferings": """marketplace_resource o join marketplace_offering r
        on (r.content_type_id, r.object_id) = (o.content_type_id, o.object_id)
        or exists (select from structure_servicesettings s
            join django_content_type t on t.id = r.content_type_id and t.model = 'servicesettings'
            where s.id = r.object_id
                and (s.content_type_id, s.object_id) = (o.content_type_id, o.object_id))""",
    "Resource.team": """marketplace_resource o
        join permissions_userrole g on g.object_id = o.project_id and g.is_active
        join django_content_type t on t.id = g.content_type_id and t.model = 'project'
        join core_user r on r.id = g.user_id""",
    "Resource.usages": """marketplace_resource o
        join marketplace_componentusage r on r.resource_id = o.id""",
    "Resource.endpoints": """marketplace_resource o
        join marketplace_resourceaccessendpoint r on r.resource_id = o.id""",
}
"""The FROM clause of the child rows `r` of the owners `o`, by the field that lists them."""

TABLES_OF_NEWER_FIELDS = {
    "Offering.partitions": TABLES_BY_TYPE["Partition"],
    "Offering.softwareCatalogs": "marketplace_offeringsoftwarecatalog",
    "Resource.history": "reversion_version",
}
"""Fields whose tables not every marketplace has."""
STAFF_ONLY_TYPES = {"HistoryEntry"}
"""Types whose rows only staff and support see."""

_OPEN_PLANS_SQL = """
select replace(p.uuid::text, '-', '') from marketplace_plan p
where not exists (select from marketplace_plan_organization_groups where plan_id = p.id)
   or exists (select from marketplace_plan_organization_groups g
              join {structure_customer_organization_groups} using (organizationgroup_id)
              join structure_customer c on c.id = customer_id
              where plan_id = p.id and replace(c.uuid::text, '-', '') = any(%s))
"""


class OracleExpectation:
    """Expectations for one marketplace under the rules of one year; cached until it changes."""

    def __init__(self, connection: psycopg.Connection, year: Year) -> None:
        self.connection, self.year = connection, year
        self.oracle = Oracle(connection, year)
        self.all_uuids = cache(self._load_all_uuids)
        """Return the uuids of all rows of a type, in no order."""
        self.child_uuids = cache(self._load_child_uuids)
        """Return the uuids of a field's child rows by the owner's uuid."""
        self.visible_rows_for = cache(self._load_visible_rows)
        """Return the rows that a user sees from an address."""

    def lacks_table(self, table: str) -> bool:
        """Return whether the marketplace lacks a table."""
        cursor = self.connection.execute("select to_regclass(%s) is null", [table])
        return cursor.fetchone() == (True,)

    def _load_visible_rows(self, username: str | None, address: str | None) -> "VisibleRows":
        oracle_viewer = username and self.oracle.find_viewer(username, address)
        return VisibleRows(self, oracle_viewer or OracleViewer(None, address))

    def _load_all_uuids(self, type_name: str) -> list[str]:
        if self.lacks_table(TABLES_BY_TYPE[type_name]):
            return []
        rows = self.connection.execute(
            SQL("select uuid from {}").format(Identifier(TABLES_BY_TYPE[type_name]))
        )
        return [uuid.hex for (uuid,) in rows]

    def _load_child_uuids(self, field: str) -> UuidsByOwner:
        uuids_by_owner: dict[str, list[str | None]] = defaultdict(list)
        if field in TABLES_OF_NEWER_FIELDS and self.lacks_table(TABLES_OF_NEWER_FIELDS[field]):
            return uuids_by_owner
        statement = f"select o.uuid, r.uuid from {CHILD_QUERIES[field]}"
        for owner, row in self.connection.execute(statement.encode()):
            uuids_by_owner[owner.hex].append(row and row.hex)
        return uuids_by_owner


class VisibleRows:
    """The rows that one viewer sees, by the oracle."""

    def __init__(self, expectation: OracleExpectation, oracle_viewer: OracleViewer) -> None:
        self.expectation, self._oracle_viewer = expectation, oracle_viewer
        self.visible_uuids = cache(self._load_visible_uuids)
        """Return the uuids of the visible rows of a noun."""

    def _load_visible_uuids(self, noun: str) -> frozenset[str]:
        return frozenset(self.expectation.oracle.visible_uuids(noun.lower(), self._oracle_viewer))

    def hidden_uuids(self, type_name: str) -> list[str]:
        """Return the uuids of the hidden rows of a type, sorted."""
        return sorted({*self.expectation.all_uuids(type_name)} - self.visible_uuids(type_name))

    @property
    def sees_everything(self) -> bool:
        """Whether the viewer is staff or support."""
        return self.visible_uuids("User") == {*self.expectation.all_uuids("User")}

    @cached_property
    def open_plans(self) -> frozenset[str]:
        """The uuids of plans without organisation groups, or with one of the viewer's."""
        if self.sees_everything:
            return frozenset(self.expectation.all_uuids("Plan"))
        statement = SQL(_OPEN_PLANS_SQL).format(**self.expectation.oracle._substitute_tables())
        rows = self.expectation.connection.execute(
            statement, [sorted(self.visible_uuids("Customer"))]
        )
        return frozenset(uuid for (uuid,) in rows)

    def listed_uuids(self, field: str, target_type: str, owner: str) -> list[str | None]:
        """Return the visible rows of a type in an owner's list."""
        child_uuids = self.expectation.child_uuids(field).get(owner, [])
        if target_type in STAFF_ONLY_TYPES:
            return child_uuids if self.sees_everything else []
        return [*({*child_uuids} & self.visible_uuids(target_type))]

    def part_uuids(self, field: str, owner: str) -> list[str | None]:
        """Return the parts of an owner, sorted.

        Plans must be open to the viewer, subresource offerings visible.
        """
        child_uuids = self.expectation.child_uuids(field).get(owner, [])
        if field == "Resource.subresourceOfferings":
            child_uuids = [each for each in child_uuids if each in self.visible_uuids("Offering")]
        if field in ("Offering.plans", "Offering.effectivePlans"):
            child_uuids = [each for each in child_uuids if each in self.open_plans]
        return sorted(child_uuids, key=str)

"""Demo marketplace for tests of cost policies: a test adds invoice items and policies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, NamedTuple

from gateway.config.settings import load_settings
from gateway.db.access.viewer import Viewer
from gateway.db.installation.version_rules import VersionRules
from gateway.db.sql.compiler import StatementCompiler
from gateway.loaders.read_loader import ReadLoader
from gateway.marketplace.cost_policies import load_creation_problem
from gateway.server.factory import detect_installation
from tests.support.database_queries import open_database
from tests.support.demo_with_provider import DemoWithProvider, serve_demo_with_provider

BLOCK_CREATION = "block_creation_of_new_resources"
BLOCK_MODIFICATION = "block_modification_of_existing_resources"
TOTAL, MONTH, QUARTER, YEAR = 1, 2, 3, 4
POLICY_TABLES = {
    "project": "policy_projectestimatedcostpolicy",
    "organisation": "policy_customerestimatedcostpolicy",
    "offering": "policy_offeringestimatedcostpolicy",
}
CHANGED_TABLES = (
    "policy_offeringestimatedcostpolicy_organization_groups",
    *POLICY_TABLES.values(),
    "invoices_invoiceitem",
    "invoices_invoice",
)
INSERT_INVOICE_SQL = """
insert into invoices_invoice (uuid, customer_id, year, month, state, tax_percent, total_cost,
    total_price, backend_id, reference_number, payment_url)
select gen_random_uuid(), %s, date_part('year', day), date_part('month', day), %s, %s, 0, 0, '', '',
    '' from (select (now() at time zone 'UTC')::date - make_interval(months => %s) as day) days
on conflict (customer_id, month, year) do update
    set state = excluded.state, tax_percent = excluded.tax_percent returning id
"""
INSERT_ITEM_SQL = """
insert into invoices_invoiceitem (uuid, invoice_id, resource_id, project_id, project_name,
    project_uuid, name, article_code, unit_price, unit, quantity, measured_unit, start, "end",
    details)
select gen_random_uuid(), %s, %s, %s, '', '', '', '', %s, 'month', %s, '', now(), now(), '{}'
"""
RESOURCE_SQL = """
select r.id, r.project_id, p.customer_id, r.offering_id from marketplace_resource r
join structure_project p on p.id = r.project_id where r.uuid = %s
"""


class Target(NamedTuple):
    """A resource whose costs a test controls, with the scopes of its policies."""

    uuid: str
    id: int
    project: int
    organisation: int
    offering: int


class PolicyDemo(DemoWithProvider):
    """Served demo without invoices and policies, to which a test adds its own."""

    url: str

    def clear_policies(self) -> None:
        """Delete all invoices and policies."""
        for table in CHANGED_TABLES:
            self.run_sql(f"delete from {table}")

    async def find_target(self, operation: str, condition: str = "true") -> Target:
        """Return a resource that allows staff an operation."""
        condition = f"r.state = 2 and {condition}"
        uuid = (await self.find_operable_resources(operation, condition=condition))[0]
        return Target(uuid, *self.run_sql(RESOURCE_SQL, uuid)[0])

    def add_policy(self, scope: str, target: Target, **values: Any) -> int:
        """Add a policy with a limit of 100 and return its key."""
        columns = {
            "scope_id": getattr(target, scope),
            "limit_cost": 100,
            "period": MONTH,
            "actions": BLOCK_MODIFICATION,
            **({"use_credit": True} if scope == "project" else {}),
            **({"apply_to_all": True} if scope == "offering" else {}),
            **values,
        }
        placeholders = ", ".join(["%s"] * len(columns))
        ((key,),) = self.run_sql(
            f"insert into {POLICY_TABLES[scope]} (uuid, created, modified, has_fired, options,"
            f" {', '.join(columns)}) values (gen_random_uuid(), now(), now(), false, '{{}}',"
            f" {placeholders}) returning id",
            *columns.values(),
        )
        return int(key)

    def add_item(
        self,
        target: Target,
        price: str,
        *,
        months_ago: int = 0,
        state: str = "pending",
        tax: str = "0",
        quantity: str = "1",
    ) -> None:
        """Add an item to the invoice of a month."""
        ((invoice,),) = self.run_sql(
            INSERT_INVOICE_SQL, target.organisation, state, tax, months_ago
        )
        self.run_sql(INSERT_ITEM_SQL, invoice, target.id, target.project, price, quantity)

    async def set_end_date(self, target: Target) -> Any:
        """Set the end date of a resource and return the result."""
        arguments = {"uuid": target.uuid, "endDate": "2099-12-31"}
        return await self.run_mutation("setResourceEndDate", **arguments)

    async def is_forbidden(self, target: Target) -> bool:
        """Return whether a cost policy forbids to set the end date of a resource."""
        return bool((await self.set_end_date(target)).get("reason") == "COST_POLICY")

    async def list_allowed_operations(self, target: Target) -> set[str]:
        """Return the operations that staff can execute on a resource."""
        query = "query ($uuid: UUID!) { resource(uuid: $uuid) { allowedOperations } }"
        result = await self.client.execute_query(query, "staff", uuid=target.uuid)
        return {*result["data"]["resource"]["allowedOperations"]}

    async def load_creation_message(
        self, target: Target, cost: str, rules: str = "2026"
    ) -> str | None:
        """Return why a resource of the same project and offering can't be created, if so."""
        async with open_policy_loader(self.url, rules) as (loader, version_rules):
            problem = await load_creation_problem(
                loader,
                version_rules,
                project_id=target.project,
                offering_id=target.offering,
                cost=Decimal(cost),
            )
        return None if problem is None else problem.message


@asynccontextmanager
async def open_policy_loader(
    url: str, rules: str
) -> AsyncIterator[tuple[ReadLoader, VersionRules]]:
    """Yield a loader of all rows, and the rules of a version."""
    settings = load_settings({"GATEWAY_DATABASE_URL": url, "GATEWAY_RULES": rules})
    compiler = StatementCompiler(detect_installation(settings))
    async with open_database(url) as database:
        loader = ReadLoader(database, compiler, Viewer(is_staff=True))
        yield loader, compiler.installation.version_rules


@asynccontextmanager
async def serve_policy_demo(url: str, rules: str, **overrides: str) -> AsyncIterator[PolicyDemo]:
    """Yield a demo without invoices and policies."""
    async with serve_demo_with_provider(url, rules=rules, **overrides) as demo:
        demo.__class__ = PolicyDemo
        assert isinstance(demo, PolicyDemo)
        demo.url = url
        yield demo

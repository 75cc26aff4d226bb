"""Demo marketplace for tests of new resources: each test adds its own offering and project."""
# ruff: noqa: E501 - SQL

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from tests.support.policy_demo import PolicyDemo, serve_policy_demo

COPY_ROW_SQL = """
insert into {table} select (jsonb_populate_record(null::{table}, to_jsonb(t) || jsonb_build_object(
    'id', nextval(pg_get_serial_sequence('{table}', 'id')){uuid}) || %s)).*
from {table} t where t.id = %s returning id{returning}
"""
TEMPLATES_SQL = """
select o.id, (select min(c.id) from marketplace_offeringcomponent c where c.offering_id = o.id),
    (select min(p.id) from marketplace_plan p where p.offering_id = o.id and not p.archived),
    (select min(x.id) from marketplace_plancomponent x join marketplace_plan p on p.id = x.plan_id
        where p.offering_id = o.id and x.component_id is not null)
from marketplace_offering o where o.type = 'Marketplace.Basic' and o.state = 2 and o.shared
    and o.id in (select p.offering_id from marketplace_plan p join marketplace_plancomponent x on p.id = x.plan_id and x.component_id is not null where not p.archived)
    and not exists (select from marketplace_offering_organization_groups g where g.offering_id = o.id)
    and o.customer_id not in (select p.customer_id from structure_project p where p.id = %s)
order by o.id limit 1
"""
PROJECT_SQL = """
select p.id from structure_project p join structure_customer c on c.id = p.customer_id
join permissions_userrole o on o.object_id = c.id and o.is_active
join permissions_role r on r.id = o.role_id and r.name = 'CUSTOMER.OWNER'
join core_user u on u.id = o.user_id and u.username = 'owner'
where not p.is_removed and not c.blocked and not c.archived and p.end_date is null
order by p.id limit 1
"""
GRANT_SQL = """
insert into permissions_userrole (uuid, created, user_id, role_id, content_type_id, object_id, is_active)
select gen_random_uuid(), now(), u.id, r.id, r.content_type_id, %s, true
from core_user u, permissions_role r where u.username = %s and r.name = %s
"""
RESULT_SELECTION = """__typename ... on Problem { message } ... on NotPossible { reason }
... on InvalidInput { fields { path message } } ... on Unavailable { retryable }"""
CREATE_MUTATION = f"""mutation ($input: CreateOrderInput!) {{ createOrder(input: $input) {{
    {RESULT_SELECTION}
    ... on Accepted {{ order {{ uuid state type cost }} resource {{ uuid state name cost endDate }} }}
}} }}"""
PREVIEW_QUERY = f"""query ($input: CreateOrderInput!) {{ orderPreview(input: $input) {{
    problems {{ {RESULT_SELECTION} }}
    cost periodCost planUnit endDate prepaidMonths state reviewStates
}} }}"""


TODAY = datetime.now(UTC).date()


def days_ahead(days: int) -> str:
    """Return a date that is so many days ahead of today."""
    return (TODAY + timedelta(days=days)).isoformat()


class Site(NamedTuple):
    """An offering with a plan, and a project whose administrator is the user `admin`."""

    offering_id: int
    offering: str
    project_id: int
    project: str
    plan_id: int
    plan: str

    def build_input(self, **values: Any) -> dict[str, Any]:
        """Return the input to order a resource with a plan."""
        return {
            "offering": self.offering,
            "project": self.project,
            "plan": self.plan,
            "name": "New resource",
            **values,
        }


class CreationDemo(PolicyDemo):
    """Served demo to which a test adds offerings, plans and projects."""

    def copy_row(self, table: str, template_id: int, **values: Any) -> tuple[int, str]:
        """Add a copy of a row with other values; return its key and UUID (or an empty text)."""
        has_uuid = bool(
            self.run_sql(
                "select 1 from information_schema.columns"
                " where table_name = %s and column_name = 'uuid'",
                table,
            )
        )
        statement = COPY_ROW_SQL.format(
            table=table,
            uuid=", 'uuid', gen_random_uuid()" if has_uuid else "",
            returning=", uuid" if has_uuid else "",
        )
        ((key, *uuids),) = self.run_sql(statement, Jsonb(values), template_id)
        return int(key), uuids[0].hex if uuids else ""

    def add_site(
        self,
        *,
        plan: dict[str, Any] | None = None,
        project: dict[str, Any] | None = None,
        components: tuple[dict[str, Any], ...] = (),
        **offering: Any,
    ) -> Site:
        """Add an offering with components of the price 10, a plan, and a project."""
        ((project_template,),) = self.run_sql(PROJECT_SQL)
        ((template, component_template, plan_template, price_template),) = self.run_sql(
            TEMPLATES_SQL, project_template
        )
        project_id, project_uuid = self.copy_row(
            "structure_project", project_template, name="Own project", **(project or {})
        )
        self.run_sql(GRANT_SQL, project_id, "admin", "PROJECT.ADMIN")
        values = {"options": {}, "resource_options": {}, "plugin_options": {}, **offering}
        offering_id, offering_uuid = self.copy_row("marketplace_offering", template, **values)
        plan_values = {"unit_price": 5, "unit": "month", "max_amount": None, **(plan or {})}
        plan_id, plan_uuid = self.copy_row(
            "marketplace_plan", plan_template, offering_id=offering_id, **plan_values
        )
        for each in components:
            self.add_component(offering_id, plan_id, component_template, price_template, **each)
        return Site(offering_id, offering_uuid, project_id, project_uuid, plan_id, plan_uuid)

    def add_component(
        self,
        offering_id: int,
        plan_id: int,
        component_template: int,
        price_template: int,
        *,
        amount: int = 0,
        price: int = 10,
        **values: Any,
    ) -> None:
        """Add a component with a price to an offering and its plan."""
        columns = {
            "type": "cpu",
            "billing_type": "limit",
            "is_prepaid": False,
            "min_value": None,
            "max_value": None,
            "limit_amount": None,
            "max_available_limit": None,
            "limit_period": None,
            "min_prepaid_duration": None,
            "max_prepaid_duration": None,
            "prepaid_duration_step": None,
            "offering_id": offering_id,
            **values,
        }
        component_id, _ = self.copy_row(
            "marketplace_offeringcomponent", component_template, **columns
        )
        self.copy_row(
            "marketplace_plancomponent",
            price_template,
            plan_id=plan_id,
            component_id=component_id,
            amount=amount,
            price=price,
        )

    def move_offering_to_consumer(self, site: Site) -> None:
        """Make the consumer's organisation the provider of the offering."""
        self.run_sql(
            "update marketplace_offering set customer_id ="
            " (select customer_id from structure_project where id = %s) where id = %s",
            site.project_id,
            site.offering_id,
        )

    def run_site_sql(self, site: Site, statement: str) -> list[Any]:
        """Run a statement with the keys of a site as parameters and return its rows."""
        return self.run_sql(
            statement.format(project=site.project_id, offering=site.offering_id, plan=site.plan_id)
        )

    async def create_order(self, as_: str | None = "admin", **values: Any) -> Any:
        """Run `createOrder` and return its result."""
        response = await self.client.execute_query(CREATE_MUTATION, as_, input=values)
        assert "errors" not in response, response["errors"]
        return response["data"]["createOrder"]

    async def preview_order(self, as_: str | None = "admin", **values: Any) -> Any:
        """Run `orderPreview` and return its result."""
        response = await self.client.execute_query(PREVIEW_QUERY, as_, input=values)
        assert "errors" not in response, response["errors"]
        return response["data"]["orderPreview"]

    async def order_as_previewed(self, as_: str = "admin", **values: Any) -> Any:
        """Preview and place an order, which must agree; return the result of `createOrder`.

        What is refused changes nothing, and a preview never does.
        """
        digest_before = self.digest_tables()
        preview = await self.preview_order(as_, **values)
        assert self.digest_tables() == digest_before
        result = await self.create_order(as_, **values)
        if preview["problems"]:
            assert result == preview["problems"][0], preview
            assert self.digest_tables() == digest_before
            return preview["problems"]
        assert result["__typename"] == "OrderCreated", result
        ((state, cost, end_date),) = self.run_sql(
            "select o.state, o.cost, r.end_date from marketplace_order o"
            " join marketplace_resource r on r.id = o.resource_id order by o.id desc limit 1"
        )
        assert preview["state"] == ORDER_STATE_NAMES[state]
        assert (preview["cost"] is None) == (cost is None)
        assert cost is None or float(preview["cost"]) == float(cost)
        assert preview["endDate"] == (end_date and end_date.isoformat())
        return result


ORDER_STATE_NAMES = {
    1: "PENDING_CONSUMER",
    2: "EXECUTING",
    7: "PENDING_PROVIDER",
    8: "PENDING_PROJECT",
    9: "PENDING_START_DATE",
}


@asynccontextmanager
async def serve_creation_demo(url: str, **overrides: str) -> AsyncIterator[CreationDemo]:
    """Yield a served demo without policies and terms of service; roles count at once."""
    settings = {"rules": "2026", "viewer_seconds": "0", **overrides}
    async with serve_policy_demo(url, **settings) as demo:
        demo.__class__ = CreationDemo
        assert isinstance(demo, CreationDemo)
        demo.clear_policies()
        yield demo

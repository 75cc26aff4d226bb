"""Dry runs by the rules of the version that Waldur's tables have (domain.md §0.4)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.dry_runs import DryRunMarketplace, create_changed_demo, open_dry_runs
from tests.support.mutable_demo import NEWEST_VERSION_SQL

MISSING_IN_2024 = {
    "pullResource",
    "pullResources",
    "renewResource",
    "reallocateResourceLimits",
    "restoreResource",
    "setResourceFlags",
    "setResourceLimits",
    "setResourceEndpoints",
    "refreshResourceLastSync",
    "adjustResourceDates",
}
"""Mutations without a route in the REST API of October 2024."""
OPERATIONS_QUERY = "{ resources(first: 300) { nodes { uuid allowedOperations } } }"
PREVIEW_QUERY = """query ($input: CreateOrderInput!) { orderPreview(input: $input) {
    problems { __typename ... on Problem { message } } cost state reviewStates
} }"""
ORDERABLE_SQL = """
select o.uuid, p.uuid, j.uuid from marketplace_offering o
join marketplace_plan p on p.offering_id = o.id and not p.archived and p.max_amount is null
join structure_project j on not j.is_removed and j.end_date is null
join structure_customer c on c.id = j.customer_id and not c.blocked and not c.archived
where o.type = %s and o.state = 2 and o.shared and not exists (
    select from marketplace_offering_organization_groups g where g.offering_id = o.id
) and not exists (
    select from jsonb_each(o.options -> 'options') q where (q.value ->> 'required')::boolean
) order by o.id, p.id, j.id limit 1
"""
TENANT_ATTRIBUTES = {"subnet_cidr": "10.1.0.0/24", "skip_connection_extnet": True}


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def newest_demo(new_database: DatabaseFactory) -> AsyncIterator[DryRunMarketplace]:
    """Yield a demo with the tables of the newest Waldur."""
    url = new_database()
    create_changed_demo(url, NEWEST_VERSION_SQL)
    async with open_dry_runs(url) as dry_runs:
        yield dry_runs


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def old_waldur(waldur2024_url: str) -> AsyncIterator[DryRunMarketplace]:
    """Yield the Waldur of October 2024."""
    async with open_dry_runs(waldur2024_url) as dry_runs:
        yield dry_runs


def build_order_input(marketplace: DryRunMarketplace, offering_type: str) -> dict[str, Any]:
    """Return the input to order a resource of an offering type."""
    ((*uuids,),) = marketplace.run_sql(ORDERABLE_SQL, offering_type)
    names = zip(("offering", "plan", "project"), [each.hex for each in uuids], strict=True)
    return {**dict(names), "name": "New resource", "attributes": TENANT_ATTRIBUTES}


async def collect_results(
    marketplace: DryRunMarketplace, username: str
) -> dict[str, set[tuple[str, str | None]]]:
    """Run all mutations; return their results by mutation, without those of hidden objects."""
    results: dict[str, set[tuple[str, str | None]]] = {}
    for field, values in marketplace.list_inputs():
        outcomes = await marketplace.run_mutation(field, values, username)
        marketplace.check_statements()
        results.setdefault(field, set()).update(outcomes)
    return {field: outcomes - {("NotFound", None)} for field, outcomes in results.items()}


@pytest.mark.parametrize("username", ["staff", "owner_c", "provider_a_owner"])
async def test_an_old_waldur_is_checked_by_its_rules(
    old_waldur: DryRunMarketplace, username: str
) -> None:
    results = await collect_results(old_waldur, username)
    for field in MISSING_IN_2024:
        assert {name for name, _ in results[field]} == {"Unavailable"}
    refused = {field for field, outcomes in results.items() if ("NotPermitted", None) in outcomes}
    assert "updateResource" not in refused
    if username == "staff":
        assert ("WrongState", None) not in results["updateResourceOptions"]
    else:
        assert refused >= {"setResourceState", "moveResource"}
    assert ("setResourceEndDate" in refused) == (username == "owner_c")


async def test_operations_that_an_old_waldur_lacks_are_not_offered(
    old_waldur: DryRunMarketplace,
) -> None:
    result = await old_waldur.execute_query(OPERATIONS_QUERY, "staff")
    offered = {
        each for node in result["data"]["resources"]["nodes"] for each in node["allowedOperations"]
    }
    assert {"SET_RESOURCE_STATE", "TERMINATE_RESOURCE"} <= offered
    assert not offered & {"PULL_RESOURCE", "RENEW_RESOURCE", "SET_RESOURCE_FLAGS"}


@pytest.mark.parametrize("username", ["staff", "member"])
async def test_the_newest_waldur_is_checked(newest_demo: DryRunMarketplace, username: str) -> None:
    results = await collect_results(newest_demo, username)
    assert not [field for field, outcomes in results.items() if ("Unavailable", None) in outcomes]


@pytest.mark.parametrize(
    ("name", "offering_type"),
    [
        ("old_waldur", "Marketplace.Basic"),
        ("newest_demo", "Marketplace.Basic"),
        ("newest_demo", "OpenStack.Tenant"),
    ],
)
async def test_resources_of_all_types_can_be_ordered_in_waldur(
    old_waldur: DryRunMarketplace, newest_demo: DryRunMarketplace, name: str, offering_type: str
) -> None:
    marketplace = {"old_waldur": old_waldur, "newest_demo": newest_demo}[name]
    values = build_order_input(marketplace, offering_type)
    result = await marketplace.execute_query(PREVIEW_QUERY, "staff", input=values)
    preview = result["data"]["orderPreview"]
    assert preview["problems"] == []
    assert preview["cost"] is not None
    assert await marketplace.run_mutation("createOrder", values, "staff") == [
        ("OrderCreated", None)
    ]
    marketplace.check_statements()

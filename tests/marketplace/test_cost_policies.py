"""Which costs count towards cost policies, and what exceeded ones forbid (rules.md §0)."""

import ast
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from gateway.config.settings import load_settings
from gateway.db.access.viewer import Viewer
from gateway.db.queries.aggregates import (
    CREATION_POLICIES_BY_PROJECT,
    MODIFICATION_POLICIES_BY_PROJECT,
)
from gateway.db.sql.compiler import StatementCompiler
from gateway.demo.marketplace.fill import create_marketplace
from gateway.marketplace.cost_policies import load_creation_problem, load_modification_problem
from gateway.server.factory import detect_installation
from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import serve_mutable_demo
from tests.support.policy_demo import (
    BLOCK_CREATION,
    BLOCK_MODIFICATION,
    MONTH,
    POLICY_TABLES,
    QUARTER,
    RESOURCE_SQL,
    TOTAL,
    YEAR,
    PolicyDemo,
    Target,
    open_policy_loader,
    serve_policy_demo,
)
from tests.support.project_paths import PROJECT_ROOT


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[PolicyDemo]:
    """Yield a demo without invoices and policies."""
    async with serve_policy_demo(new_database(), "2026") as policy_demo:
        yield policy_demo


@pytest.fixture(autouse=True)
def _clear_policies(demo: PolicyDemo) -> None:
    demo.clear_policies()


MONTHS_BY_PERIOD = {TOTAL: {0, 2, 3, 11, 12, 30}, MONTH: {0}, QUARTER: {0, 2}, YEAR: {0, 2, 3, 11}}


@pytest.mark.parametrize("period", [*MONTHS_BY_PERIOD, 0, 99])
@pytest.mark.parametrize("months_ago", [0, 2, 3, 11, 12, 30, -1])
async def test_the_months_of_a_period_count(demo: PolicyDemo, period: int, months_ago: int) -> None:
    """Other numbers of periods, and the total, count all months; the rest no future ones."""
    target = await demo.find_target("SET_RESOURCE_END_DATE")
    demo.add_policy("project", target, period=period)
    demo.add_item(target, "101", months_ago=months_ago)
    counted_months = MONTHS_BY_PERIOD.get(period, MONTHS_BY_PERIOD[TOTAL])
    is_counted = months_ago in counted_months or (
        months_ago < 0 and counted_months == MONTHS_BY_PERIOD[TOTAL]
    )
    assert await demo.is_forbidden(target) is is_counted


@pytest.mark.parametrize(
    ("items", "is_exceeded"),
    [
        ([("101", {})], True),
        ([("100", {})], False),
        ([("60", {}), ("40", {"months_ago": 1}), ("0.001", {})], True),
        ([("80", {"tax": "25"})], False),
        ([("80", {"tax": "25"}), ("0.001", {"tax": "25"})], True),
        ([("2000", {}), ("-1900", {})], False),
        ([("2000", {}), ("-1899.995", {})], False),
        ([("2000", {}), ("-1899.99", {})], True),
        ([("2000", {"state": "canceled"})], False),
        ([("2000", {"state": "canceled"}), ("101", {"months_ago": 1, "state": "paid"})], True),
        ([("NaN", {}), ("101", {})], True),
        ([("NaN", {}), ("99", {})], False),
        ([("101", {"quantity": "NaN"}), ("101", {"months_ago": 1, "tax": "NaN"})], False),
        ([("0.000001", {"quantity": "1000000"}), ("0", {})], False),
        ([("999999999999", {"quantity": "999999999999"})], True),
    ],
)
async def test_invoice_items_count_as_in_waldur(
    demo: PolicyDemo, items: list[tuple[str, dict[str, Any]]], is_exceeded: bool
) -> None:
    """Prices are rounded away from zero to cents, with tax; credits are negative items."""
    target = await demo.find_target("SET_RESOURCE_END_DATE")
    demo.add_policy("organisation", target, period=TOTAL)
    for price, values in items:
        demo.add_item(target, price, **values)
    assert await demo.is_forbidden(target) is is_exceeded


@pytest.mark.parametrize("column", ["blocked", "archived"])
async def test_costs_of_closed_organisations_do_not_count(demo: PolicyDemo, column: str) -> None:
    target = await demo.find_target("SET_RESOURCE_END_DATE")
    demo.add_policy("project", target)
    demo.add_item(target, "101")
    assert await demo.is_forbidden(target)
    update_sql = f"update structure_customer set {column} = %s where id = %s"
    demo.run_sql(update_sql, True, target.organisation)
    assert not await demo.is_forbidden(target)
    demo.run_sql(update_sql, False, target.organisation)


@pytest.mark.parametrize(
    ("actions", "is_blocked"),
    [
        (BLOCK_MODIFICATION, True),
        (f"notify_project_team,{BLOCK_MODIFICATION},terminate_resources", True),
        (BLOCK_CREATION, False),
        ("", False),
        (",,", False),
        (f" {BLOCK_MODIFICATION}", False),
        (BLOCK_MODIFICATION.upper(), False),
        (f"{BLOCK_MODIFICATION};x", False),
        ("{a,b", False),
        ('"', False),
    ],
)
async def test_actions_are_separated_by_commas(
    demo: PolicyDemo, actions: str, is_blocked: bool
) -> None:
    target = await demo.find_target("SET_RESOURCE_END_DATE")
    demo.add_policy("project", target, actions=actions)
    demo.add_item(target, "101")
    assert await demo.is_forbidden(target) is is_blocked


async def test_policies_of_offerings_forbid_no_changes(demo: PolicyDemo) -> None:
    target = await demo.find_target("SET_RESOURCE_END_DATE")
    demo.add_policy("offering", target, actions=f"{BLOCK_CREATION},{BLOCK_MODIFICATION}")
    demo.add_item(target, "101")
    assert not await demo.is_forbidden(target)


async def test_a_policy_can_apply_to_one_resource(demo: PolicyDemo) -> None:
    target = await demo.find_target("SET_RESOURCE_END_DATE")
    ((other_uuid,),) = demo.run_sql(
        "select uuid from marketplace_resource where project_id = %s and id <> %s limit 1",
        target.project,
        target.id,
    )
    other = Target(other_uuid.hex, *demo.run_sql(RESOURCE_SQL, other_uuid)[0])
    demo.add_policy("project", target, resource_id=target.id)
    demo.add_item(other, "101")
    assert not await demo.is_forbidden(target)
    demo.add_item(target, "101")
    assert await demo.is_forbidden(target)
    assert not await demo.is_forbidden(other)


CREATION_CASES: dict[str, tuple[str, dict[str, Any], str, str, bool]] = {
    "not exceeded": ("project", {}, "50", "50", False),
    "projected": ("project", {}, "50", "50.01", True),
    "organisation": ("organisation", {"period": TOTAL}, "0", "101", True),
    "offering": ("offering", {}, "100", "0.01", True),
    "offering of nobody": ("offering", {"apply_to_all": False}, "100", "1", False),
    "other action": ("project", {"actions": BLOCK_MODIFICATION}, "100", "1", False),
    "exceeded before": ("project", {}, "101", "0", True),
}
"""Scope and values of a policy, the cost so far and of the new resource, and whether it is refused.

In October 2024 only costs so far count.
"""


@pytest.mark.parametrize("name", CREATION_CASES)
@pytest.mark.parametrize("rules", ["2024", "2026"])
async def test_policies_forbid_new_resources(demo: PolicyDemo, name: str, rules: str) -> None:
    scope, values, cost_so_far, cost, is_refused = CREATION_CASES[name]
    target = await demo.find_target("SET_RESOURCE_END_DATE")
    demo.add_policy(scope, target, **{"actions": BLOCK_CREATION, **values})
    demo.add_item(target, cost_so_far)
    message = await demo.load_creation_message(target, cost, rules)
    assert (message is not None) is (is_refused and (rules == "2026" or name == "exceeded before"))
    assert message is None or f"policy of the {scope} forbids new resources" in message


async def test_policies_of_offerings_apply_to_groups(demo: PolicyDemo) -> None:
    """Only organisations in the policy's groups are limited, and only their costs count."""
    target = await demo.find_target("SET_RESOURCE_END_DATE")
    policy = demo.add_policy("offering", target, actions=BLOCK_CREATION, apply_to_all=False)
    demo.add_item(target, "101")
    ((group,),) = demo.run_sql(
        "insert into structure_organizationgroup (uuid, name) values (gen_random_uuid(), 'G')"
        " returning id"
    )
    demo.run_sql(
        "insert into policy_offeringestimatedcostpolicy_organization_groups"
        " (offeringestimatedcostpolicy_id, organizationgroup_id) values (%s, %s)",
        policy,
        group,
    )
    assert await demo.load_creation_message(target, "0") is None
    demo.run_sql(
        "insert into structure_customer_organization_groups (customer_id, organizationgroup_id)"
        " values (%s, %s)",
        target.organisation,
        group,
    )
    assert await demo.load_creation_message(target, "0") is not None
    demo.run_sql("update invoices_invoice set state = 'canceled'")
    assert await demo.load_creation_message(target, "0") is None
    demo.run_sql(
        "delete from structure_customer_organization_groups where organizationgroup_id = %s", group
    )


@pytest.mark.parametrize("scopes", [*([each] for each in POLICY_TABLES), [*POLICY_TABLES]])
async def test_missing_tables_are_no_policies(
    new_database: DatabaseFactory, scopes: list[str]
) -> None:
    """A marketplace that was created by an earlier gateway has none of them."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        create_marketplace(connection, resource_count=100, seed=1)
        for scope in scopes:
            connection.execute(f"drop table {POLICY_TABLES[scope]} cascade".encode())
    compiler = StatementCompiler(detect_installation(load_settings({"GATEWAY_DATABASE_URL": url})))
    for aggregate in (MODIFICATION_POLICIES_BY_PROJECT, CREATION_POLICIES_BY_PROJECT):
        statement = compiler.compile(aggregate.query_spec, Viewer(is_staff=True).access_shape)
        assert statement is not None
        assert not [each for each in scopes if POLICY_TABLES[each] in statement.sql]
    async with open_policy_loader(url, "2026") as (loader, rules):
        problem = await load_creation_problem(
            loader, rules, project_id=1, offering_id=1, cost=Decimal(0)
        )
        assert problem is None
        assert await load_modification_problem(loader, 1, 1) is None


async def test_the_demo_has_a_resource_that_cannot_be_changed(
    new_database: DatabaseFactory,
) -> None:
    async with serve_mutable_demo(new_database()) as demo:
        query = "{ resources(first: 300) { nodes { uuid allowedOperations } } }"
        nodes = (await demo.client.execute_query(query, "owner"))["data"]["resources"]["nodes"]
        ((uuid, owner_count),) = demo.run_sql(
            "select r.uuid, (select count(*) from policy_projectestimatedcostpolicy)"
            " from policy_projectestimatedcostpolicy p"
            " join marketplace_resource r on r.id = p.resource_id"
        )
        (node,) = [each for each in nodes if each["uuid"] == uuid.hex]
        assert owner_count == 1
        assert "SET_RESOURCE_END_DATE" not in node["allowedOperations"]
        arguments = {"uuid": uuid.hex, "endDate": "2099-12-31"}
        result = await demo.run_mutation("setResourceEndDate", "owner", **arguments)
        assert result["reason"] == "COST_POLICY"


def test_resources_are_saved_in_one_place() -> None:
    """Each write of `marketplace_resource` goes through the check of cost policies."""
    writers = {
        path.relative_to(PROJECT_ROOT).as_posix()
        for path in (PROJECT_ROOT / "gateway").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "update_rows"
        and any(isinstance(each, ast.Name) and each.id == "ResourceRow" for each in node.args)
    }
    assert not writers

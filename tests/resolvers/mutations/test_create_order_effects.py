"""What `createOrder` writes, the life of its order, and races between orders."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from gateway.demo.marketplace.offers import FAIL_ORDERS_OPTION
from tests.conftest import DatabaseFactory
from tests.support.creation_demo import CreationDemo, Site, days_ahead, serve_creation_demo
from tests.support.statement_record import record_statements

COMPONENTS: tuple[dict[str, Any], ...] = (
    {"type": "licences", "billing_type": "one", "is_prepaid": True},
    {"type": "cpu", "price": 2},
    {"type": "setup", "billing_type": "one", "price": 7, "amount": 2},
    {"type": "traffic", "billing_type": "usage", "price": 1},
)
RESOURCE_COLUMNS_SQL = """
select project_id, offering_id, plan_id, limits, attributes, options, name, description, slug,
    state, cost::float, end_date::text, backend_id from marketplace_resource where uuid = %s
"""
ORDER_COLUMNS_SQL = """
select o.type, o.state, o.plan_id, o.old_plan_id, o.limits, o.attributes, o.request_comment,
    o.start_date::text, u.username, o.offering_id, o.project_id, o.cost::float
from marketplace_order o join core_user u on u.id = o.created_by_id where o.uuid = %s
"""
QUOTAS_SQL = "select name, sum(delta)::int from quotas_quotausage group by name"
RESOURCE_STATE_SQL = """
select r.state, r.backend_id <> '', (select count(*) from marketplace_resourceplanperiod p
    where p.resource_id = r.id and p."end" is null and p.plan_id = r.plan_id)::int,
    (select json_object_agg(c.type, q."limit"::float) from marketplace_componentquota q
    join marketplace_offeringcomponent c on c.id = q.component_id where q.resource_id = r.id)
from marketplace_resource r where r.uuid = %s
"""
FAIL_SQL = (
    f"update marketplace_offering set plugin_options = '{{{{\"{FAIL_ORDERS_OPTION}\": true}}}}'"
    " where id = {offering}"
)
CREATING, OK, TERMINATED = 1, 2, 6


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[CreationDemo]:
    """Yield a demo to which each test adds an offering and a project."""
    async with serve_creation_demo(new_database()) as creation_demo:
        yield creation_demo


def add_full_site(demo: CreationDemo) -> Site:
    """Add an offering with prepaid and other components, an order form and options."""
    questions = {"login": {"type": "string"}}
    return demo.add_site(
        components=COMPONENTS,
        options={
            "order": ["login", "nodes"],
            "options": {**questions, "nodes": {"type": "integer"}},
        },
        resource_options={"order": ["login"], "options": questions},
    )


FORM = {
    "nodes": 2,
    "login": "me",
    "description": "For tests",
    "end_date": days_ahead(100),
    "prepaid_duration_months": 5,
}
LIMITS = {"licences": 3, "cpu": 4}
ATTRIBUTES = {**FORM, "name": "Größe 1"}
RESOURCE_COST = 5 + 3 * 10 * 5 + 4 * 2


def build_full_input(site: Site) -> dict[str, Any]:
    """Return an input with all fields but the attachment."""
    return site.build_input(
        name="  Größe 1 ",
        attributes={**FORM, "name": "ignored"},
        limits=LIMITS,
        requestComment="please",
        startDate=days_ahead(1),
    )


async def test_the_rows_of_an_order(demo: CreationDemo) -> None:
    site = add_full_site(demo)
    result = await demo.order_as_previewed(**build_full_input(site))
    assert demo.run_sql(RESOURCE_COLUMNS_SQL, result["resource"]["uuid"]) == [
        (
            *(site.project_id, site.offering_id, site.plan_id, LIMITS, ATTRIBUTES),
            *({"login": "me"}, "Größe 1", "For tests", "groe-1", CREATING, RESOURCE_COST),
            *(days_ahead(100), ""),
        )
    ]
    assert demo.run_sql(ORDER_COLUMNS_SQL, result["order"]["uuid"]) == [
        (
            *(1, 1, site.plan_id, None, LIMITS, ATTRIBUTES, "please", days_ahead(1), "admin"),
            *(site.offering_id, site.project_id, RESOURCE_COST + 2 * 7),
        )
    ]
    assert demo.run_sql(RESOURCE_STATE_SQL, result["resource"]["uuid"]) == [
        (CREATING, False, 0, None)
    ]


async def test_the_side_effects_of_an_order(demo: CreationDemo) -> None:
    site = add_full_site(demo)
    quotas_before = dict(demo.run_sql(QUOTAS_SQL))
    await demo.order_as_previewed(**build_full_input(site))
    quotas = dict(demo.run_sql(QUOTAS_SQL))
    assert {
        name: quotas[name] - quotas_before[name]
        for name in quotas
        if quotas[name] != quotas_before[name]
    } == {"nc_resource_count": 2, "order_count": 1}
    events = demo.run_sql("select event_type, message from logging_event order by id desc limit 1")
    message = "Resource Größe 1 creation has been requested."
    assert events == [("marketplace_resource_create_requested", message)]


PROCESS, FAIL = ("", "process"), ("", "fail")
"""Steps of the demo's provider; others are mutations of the order by a user."""
STEPS_BY_END: dict[str, tuple[Sequence[tuple[str, str]], int]] = {
    "done": ((("owner", "approveOrder"), ("staff", "approveOrder"), PROCESS), OK),
    "rejected by the consumer": ((("owner", "rejectOrder"),), TERMINATED),
    "rejected by the provider": (
        (("owner", "approveOrder"), ("staff", "rejectOrder")),
        TERMINATED,
    ),
    "canceled": ((("owner", "cancelOrder"),), TERMINATED),
    "failed": ((("owner", "approveOrder"), ("staff", "approveOrder"), FAIL), TERMINATED),
}


@pytest.mark.parametrize("end", STEPS_BY_END)
async def test_the_life_of_an_order(demo: CreationDemo, end: str) -> None:
    steps, state = STEPS_BY_END[end]
    site = add_full_site(demo)
    values = site.build_input(
        attributes={"end_date": days_ahead(100)}, limits={"licences": 3, "cpu": 4}
    )
    assert (await demo.preview_order(**values))["reviewStates"] == [
        "PENDING_CONSUMER",
        "PENDING_PROVIDER",
    ]
    result = await demo.create_order(**values)
    resource, order = result["resource"]["uuid"], result["order"]["uuid"]
    for username, field in steps:
        if (username, field) == FAIL:
            demo.run_site_sql(site, FAIL_SQL)
        if not username:
            await demo.process_due_work()
        else:
            review = await demo.run_mutation(field, username, uuid=order)
            assert "message" not in review, review
    expected_quotas = {"licences": 3, "cpu": 4} if state == OK else None
    is_ok = state == OK
    assert demo.run_sql(RESOURCE_STATE_SQL, resource) == [
        (state, is_ok, int(is_ok), expected_quotas)
    ]


@pytest.mark.parametrize(
    ("username", "type_", "expected"),
    [
        ("admin", "Marketplace.Basic", ("PENDING_CONSUMER", 2)),
        ("owner", "Marketplace.Basic", ("PENDING_PROVIDER", 1)),
        ("staff", "Marketplace.Basic", ("PENDING_PROVIDER", 1)),
        ("admin", "Marketplace.Script", ("PENDING_CONSUMER", 1)),
        ("staff", "Support.OfferingTemplate", ("EXECUTING", 0)),
        ("admin", "Waldur.RemoteOffering", ("PENDING_CONSUMER", 2)),
        ("staff", "Waldur.RemoteOffering", ("EXECUTING", 0)),
    ],
)
async def test_reviews_are_forecast(
    demo: CreationDemo, username: str, type_: str, expected: tuple[str, int]
) -> None:
    site = demo.add_site(type=type_)
    preview = await demo.preview_order(username, **site.build_input())
    assert (preview["state"], len(preview["reviewStates"])) == expected
    assert (await demo.order_as_previewed(username, **site.build_input()))["order"]


async def test_rules_of_the_project_approve(demo: CreationDemo) -> None:
    site = demo.add_site(components=({"type": "cpu"},))
    demo.run_site_sql(
        site,
        "insert into marketplace_projectorderautoapproval (uuid, created, modified, project_id,"
        " monthly_cost_limit, enabled, created_by_id) select gen_random_uuid(), now(), now(),"
        " {project}, 25, true, id from core_user where username = 'owner'",
    )
    for amount, state in ((2, "PENDING_PROVIDER"), (3, "PENDING_CONSUMER")):
        values = site.build_input(limits={"cpu": amount})
        assert (await demo.preview_order(**values))["state"] == state
        assert (await demo.order_as_previewed(**values))["order"]


async def test_one_key_places_one_order(demo: CreationDemo) -> None:
    site = demo.add_site()
    values = site.build_input(idempotencyKey="one")
    results = await asyncio.gather(*[demo.create_order(**values) for _ in range(5)])
    assert {each["order"]["uuid"] for each in results} == {results[0]["order"]["uuid"]}
    other = await demo.create_order(**{**values, "name": "Other"})
    assert other["__typename"] == "Conflict"
    assert count_resources(demo, site) == 1


def count_resources(demo: CreationDemo, site: Site) -> int:
    """Return the number of resources of a site's offering."""
    source = "marketplace_resource where offering_id = {offering}"
    ((count,),) = demo.run_site_sql(site, f"select count(*) from {source}")
    return int(count)


@pytest.mark.parametrize(
    ("site_values", "input_values"),
    [
        ({"plugin_options": {"maximal_resource_count_per_project": 1}}, {}),
        ({"plan": {"max_amount": 1}}, {}),
        (
            {"plugin_options": {"unique_resource_per_attribute": "login"}},
            {"attributes": {"login": "me"}},
        ),
        ({"components": ({"max_available_limit": 3},)}, {"limits": {"cpu": 2}}),
    ],
    ids=["resources", "plan", "attribute", "limit"],
)
async def test_the_last_place_is_taken_once(
    demo: CreationDemo, site_values: dict[str, Any], input_values: dict[str, Any]
) -> None:
    site = demo.add_site(**site_values)
    results = await asyncio.gather(
        *[demo.create_order(**site.build_input(**input_values)) for _ in range(6)]
    )
    assert sorted(each["__typename"] == "OrderCreated" for each in results) == [*[False] * 5, True]
    assert count_resources(demo, site) == 1


async def test_the_statements_of_an_order(demo: CreationDemo) -> None:
    """A preview runs 24 statements; an order with plan, form, limits and key 14 more, and 3."""
    site = add_full_site(demo)
    values = site.build_input(
        attributes={"end_date": days_ahead(100), "login": "me"}, limits={"licences": 3, "cpu": 4}
    )
    counts = []
    for run in (
        demo.preview_order(**values),
        demo.create_order(**values),
        demo.create_order(**values, idempotencyKey="key"),
    ):
        with record_statements() as statements:
            await run
        counts.append(len(statements))
    assert counts == [24, 39, 42]

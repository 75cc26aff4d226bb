"""`orderPreview` says exactly what `createOrder` would do, and writes nothing."""

import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.http.test_request_body_uploads import PDF_CONTENT, multipart_fields, send_multipart
from tests.support.creation_demo import (
    CREATE_MUTATION,
    PREVIEW_QUERY,
    CreationDemo,
    Site,
    days_ahead,
    serve_creation_demo,
)

CHOICES: dict[str, list[Any]] = {
    "name": ["New resource", "", "n" * 151, "Größe 1"],
    "limits": [
        *(None, {}, {"cpu": 3}, {"cpu": 3, "ram": 4}, {"cpu": "3"}, {"cpu": 11}, {"gpu": 1}, []),
        *({"cpu": 0.5}, {"cpu": 10**40}, {"ram": 10**9}, {"licences": 2}, {"cpu": None}),
    ],
    "startDate": [None, days_ahead(0), days_ahead(-1), days_ahead(40), days_ahead(400)],
    "requestComment": [None, "please", "c" * 300],
    "acceptTermsOfService": [True, False],
    "idempotencyKey": [None, "a key"],
}
ATTRIBUTES: dict[str, list[Any]] = {
    "login": ["me", "", 5, {"a": 1}, None],
    "nodes": [1, 4, "2", 9, "x"],
    "end_date": [days_ahead(100), days_ahead(500), days_ahead(-1), "2026-02-30", 5, None],
    "prepaid_duration_months": [3, 12, 0, True, 1.5, "3"],
    "description": ["For tests", None, 5],
    "other": [{"deep": [1, 2.50]}],
}
OFFERINGS: dict[str, list[Any]] = {
    "type": ["Marketplace.Basic"] * 3 + ["Support.OfferingTemplate", "OpenStack.Tenant"],
    "state": [2, 2, 2, 3],
    "plugin_options": [
        {},
        {"minimal_team_count_for_provisioning": 2},
        {"max_resource_termination_offset_in_days": 200},
        {
            "is_resource_termination_date_required": True,
            "default_resource_termination_offset_in_days": 9,
        },
        {"unique_resource_per_attribute": "login", "maximal_resource_count_per_project": 2},
    ],
    "components": [
        (),
        ({"type": "cpu", "max_value": 10}, {"type": "ram", "max_available_limit": 1000}),
        (
            {
                "type": "licences",
                "billing_type": "one",
                "is_prepaid": True,
                "min_prepaid_duration": 3,
                "price": 0,
            },
            {"type": "cpu", "price": 10**6},
        ),
    ],
}
FORM = {
    "order": ["login", "nodes"],
    "options": {
        "login": {"type": "string", "required": True},
        "nodes": {"type": "integer", "max": 4},
    },
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[CreationDemo]:
    """Yield a demo to which each test adds an offering and a project."""
    async with serve_creation_demo(new_database()) as creation_demo:
        yield creation_demo


def pick_input(random: Random, site: Site) -> dict[str, Any]:
    """Return an input whose values are mostly valid."""
    values = {
        name: choices[0] if random.random() < 0.6 else random.choice(choices)
        for name, choices in CHOICES.items()
    }
    values["idempotencyKey"] = values["idempotencyKey"] and str(random.random())
    attributes = {
        name: choices[0] if random.random() < 0.6 else random.choice(choices)
        for name, choices in ATTRIBUTES.items()
        if random.random() < 0.8
    }
    plan = random.choice([site.plan, site.plan, site.plan, None])
    return site.build_input(**values, attributes=attributes, plan=plan)


@pytest.mark.parametrize("seed", range(12))
async def test_previews_agree_with_orders(demo: CreationDemo, seed: int) -> None:
    random = Random(seed)
    offering = {name: random.choice(choices) for name, choices in OFFERINGS.items()}
    site = demo.add_site(options=random.choice([{}, FORM]), **offering)
    for _ in range(10):
        as_ = random.choice(["admin", "owner", "staff"])
        await demo.order_as_previewed(as_, **pick_input(random, site))


async def test_read_only_gateways_preview_nothing(new_database: DatabaseFactory) -> None:
    async with serve_creation_demo(new_database(), changes="off") as demo:
        values = demo.add_site().build_input()
        digest_before = demo.digest_tables()
        preview = await demo.preview_order(**values)
        assert preview["problems"] == [await demo.create_order(**values)]
        (problem,) = preview["problems"]
        assert (problem["__typename"], problem["retryable"]) == ("Unavailable", False)
        assert {preview[name] for name in ("cost", "state", "reviewStates")} == {None}
        assert demo.digest_tables() == digest_before


@pytest.mark.parametrize("content", [PDF_CONTENT, b"text", b""])
async def test_attachments_are_checked(demo: CreationDemo, content: bytes) -> None:
    site = demo.add_site(plugin_options={"require_purchase_order_upload": True})
    values = site.build_input(attachment=None)
    problems = []
    for query, name in ((PREVIEW_QUERY, "orderPreview"), (CREATE_MUTATION, "createOrder")):
        operations = {"query": query, "variables": {"input": values}}
        fields = multipart_fields(json.dumps(operations), file=content)
        result = (await send_multipart(demo, fields)).json()["data"][name]
        problems.append(result.get("problems") or ([result] if "message" in result else []))
    assert problems[0] == problems[1]
    assert bool(problems[0]) is (content != PDF_CONTENT)


async def test_values_that_cant_be_stored_are_problems(demo: CreationDemo) -> None:
    site = demo.add_site()
    values = site.build_input(name="a\0b")
    preview = await demo.preview_order(**values)
    assert preview["problems"] == [await demo.create_order(**values)]


@pytest.mark.parametrize(("price", "cost"), [(0, "0.0000000000"), ("1e-7", "0.0000001000")])
async def test_costs_have_ten_decimal_places(demo: CreationDemo, price: Any, cost: str) -> None:
    preview = await demo.preview_order(**demo.add_site(plan={"unit_price": price}).build_input())
    assert (preview["cost"], preview["periodCost"]) == (cost, cost)


async def test_other_fields_are_selected_beside_a_preview(demo: CreationDemo) -> None:
    """A document with a preview has no plan; the reference executes all of it."""
    site = demo.add_site()
    document = """query ($input: CreateOrderInput!, $uuid: UUID!) {
        first: orderPreview(input: $input) { ...Preview }
        second: orderPreview(input: $input) { ...Preview }
        offering(uuid: $uuid) { uuid }
    }
    fragment Preview on OrderPreview { __typename problems { message } cost }"""
    result = await demo.client.execute_query(
        document, "admin", input=site.build_input(), uuid=site.offering
    )
    preview = {"__typename": "OrderPreview", "problems": [], "cost": "5.0000000000"}
    assert result["data"] == {
        "first": preview,
        "second": preview,
        "offering": {"uuid": site.offering},
    }

"""Values of orders for new resources that `createOrder` and `orderPreview` accept or refuse."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.creation_demo import CreationDemo, days_ahead, serve_creation_demo

LIMITED: tuple[dict[str, Any], ...] = ({"type": "cpu"},)
PREPAID: tuple[dict[str, Any], ...] = (
    {
        "type": "licences",
        "billing_type": "one",
        "is_prepaid": True,
        "min_prepaid_duration": 2,
        "max_prepaid_duration": 8,
        "prepaid_duration_step": 3,
    },
    {"type": "setup", "billing_type": "one", "price": 7, "amount": 2},
)
FORM = {
    "order": ["nodes", "login"],
    "options": {
        "nodes": {"type": "integer", "min": 1, "max": 4, "required": True},
        "login": {"type": "string"},
    },
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[CreationDemo]:
    """Yield a demo to which each test adds an offering and a project."""
    async with serve_creation_demo(new_database()) as creation_demo:
        yield creation_demo


REFUSED_VALUES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "no plan": ({}, {"plan": None}, {"plan": "is required."}),
    "archived plan": ({"plan": {"archived": True}}, {}, {"plan": "must not be archived"}),
    "full plan": ({"plan": {"max_amount": 0}}, {}, {"plan": "at most 0 resources, and has 0"}),
    "absent plan": ({}, {"plan": "0" * 32}, {"plan": "must be the uuid of a plan"}),
    "absent offering": (
        {},
        {"offering": "0" * 32},
        {"offering": "must be the uuid of an offering"},
    ),
    "absent project": ({}, {"project": "0" * 32}, {"project": "must be the uuid of a project"}),
    "removed project": (
        {"project": {"is_removed": True}},
        {},
        {"project": "must be the uuid of a project"},
    ),
    "blank name": ({}, {"name": "  "}, {"name": "must not be empty"}),
    "long name": ({}, {"name": "n" * 151}, {"name": "at most 150 characters, got 151"}),
    "form of a wrong type": ({}, {"attributes": [1]}, {"attributes": "must be an object"}),
    "missing answer": ({"options": FORM}, {}, {"attributes.nodes": "is required"}),
    "wrong answer": ({"options": FORM}, {"attributes": {"nodes": 5}}, {"attributes.nodes": "4"}),
    "wrong description": (
        {},
        {"attributes": {"description": {"en": "text"}}},
        {"attributes.description": "must be a text, got an object"},
    ),
    "long description": (
        {},
        {"attributes": {"description": "d" * 4097}},
        {"attributes.description": "at most 4096"},
    ),
    "unknown limit": (
        {"components": LIMITED},
        {"limits": {"gpu": 1}},
        {"limits.gpu": "is not a component"},
    ),
    "limits of a wrong type": ({}, {"limits": [1]}, {"limits": "must be an object"}),
    "limit of an enormous cost": (
        {"components": ({"price": 10**9},)},
        {"limits": {"cpu": 10**8}},
        {"limits": "must cost less than 1000000000000"},
    ),
    "negative limit": (
        {"components": LIMITED},
        {"limits": {"cpu": -1}},
        {"limits.cpu": "must be at least 0"},
    ),
    "part of a limit": (
        {"components": LIMITED},
        {"limits": {"cpu": 1.5}},
        {"limits.cpu": "must be a whole number"},
    ),
    "limit above the maximum": (
        {"components": ({"max_value": 5},)},
        {"limits": {"cpu": 6}},
        {"limits.cpu": "must be at most 5"},
    ),
    "no end of a prepaid resource": (
        {"components": PREPAID},
        {},
        {"attributes.end_date": "is required"},
    ),
    "end of a prepaid resource today": (
        {"components": PREPAID},
        {"attributes": {"end_date": days_ahead(0)}},
        {"attributes.end_date": "must be after"},
    ),
    "end of a prepaid resource before its start": (
        {"components": PREPAID},
        {"attributes": {"end_date": days_ahead(60)}, "startDate": days_ahead(70)},
        {"attributes.end_date": f"must be after {days_ahead(70)}"},
    ),
    "no date": (
        {},
        {"attributes": {"end_date": "next year"}},
        {"attributes.end_date": "must be written like"},
    ),
    "too few months": (
        {"components": PREPAID},
        {"attributes": {"end_date": days_ahead(20)}},
        {"attributes.end_date": "must be at least 2 months for `licences`, got 1"},
    ),
    "too many months": (
        {"components": PREPAID},
        {"attributes": {"end_date": days_ahead(40), "prepaid_duration_months": 11}},
        {"attributes.prepaid_duration_months": "must be at most 8 months"},
    ),
    "months between the steps": (
        {"components": PREPAID},
        {"attributes": {"end_date": days_ahead(40), "prepaid_duration_months": 4}},
        {"attributes.prepaid_duration_months": "in steps of 3 from 2"},
    ),
    "months of a wrong type": (
        {"components": PREPAID},
        {"attributes": {"end_date": days_ahead(40), "prepaid_duration_months": True}},
        {"attributes.prepaid_duration_months": "got a boolean"},
    ),
    "months out of range": (
        {"components": PREPAID},
        {"attributes": {"end_date": days_ahead(40), "prepaid_duration_months": 10**30}},
        {"attributes.prepaid_duration_months": "1 to 600 months, got a number out of range"},
    ),
    "end in the past": (
        {},
        {"attributes": {"end_date": days_ahead(-1)}},
        {"attributes.end_date": "must not be before today"},
    ),
    "end after the latest date": (
        {"plugin_options": {"latest_date_for_resource_termination": days_ahead(3)}},
        {"attributes": {"end_date": days_ahead(4)}},
        {"attributes.end_date": f"must be at most {days_ahead(3)}"},
    ),
    "end after the longest duration": (
        {"plugin_options": {"max_resource_termination_offset_in_days": 3}},
        {"attributes": {"end_date": days_ahead(4)}},
        {"attributes.end_date": f"must be at most {days_ahead(3)}"},
    ),
    "start in the past": ({}, {"startDate": days_ahead(-1)}, {"startDate": "before today"}),
    "start before the project": (
        {"project": {"start_date": days_ahead(5)}},
        {"startDate": days_ahead(4)},
        {"startDate": "before the start of the project"},
    ),
    "start after the project": (
        {"project": {"end_date": days_ahead(5)}},
        {"startDate": days_ahead(6)},
        {"startDate": "after the end of the project"},
    ),
    "long comment": ({}, {"requestComment": "c" * 256}, {"requestComment": "at most 255"}),
    "all at once": (
        {"components": LIMITED, "options": FORM},
        {"name": "", "plan": None, "limits": {"cpu": -1}, "startDate": days_ahead(-1)},
        {"name": "", "plan": "", "limits.cpu": "", "startDate": "", "attributes.nodes": ""},
    ),
}
"""The site, the input, and the invalid fields with a part of their messages, by what is wrong."""
ACCEPTED_VALUES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "private offering without a plan": ({"shared": False, "billable": True}, {"plan": None}),
    "last place of a plan": ({"plan": {"max_amount": 1}}, {}),
    "longest name": ({}, {"name": "n" * 150}),
    "answers": ({"options": FORM}, {"attributes": {"nodes": "4", "login": "x", "other": [1]}}),
    "highest limit": ({"components": ({"max_value": 5},)}, {"limits": {"cpu": 5}}),
    "bounds of 0": ({"components": ({"max_value": 0, "limit_amount": 0},)}, {"limits": {"cpu": 9}}),
    "no limits": ({"components": LIMITED}, {"limits": {}}),
    "started months": (
        {"components": PREPAID},
        {"attributes": {"end_date": days_ahead(35)}, "limits": {"licences": 3}},
    ),
    "explicit months": (
        {"components": PREPAID},
        {"attributes": {"end_date": days_ahead(9), "prepaid_duration_months": 8}},
    ),
    "latest end": (
        {"plugin_options": {"max_resource_termination_offset_in_days": 3}},
        {"attributes": {"end_date": days_ahead(3)}},
    ),
    "default end": (
        {
            "plugin_options": {
                "is_resource_termination_date_required": True,
                "default_resource_termination_offset_in_days": 30,
            }
        },
        {},
    ),
    "start today": ({}, {"startDate": days_ahead(0)}),
    "start at the project's": (
        {"project": {"start_date": days_ahead(5)}},
        {"startDate": days_ahead(5)},
    ),
    "end at the project's": (
        {"project": {"end_date": days_ahead(5)}},
        {"startDate": days_ahead(5), "requestComment": "c" * 255},
    ),
}


@pytest.mark.parametrize("case", REFUSED_VALUES)
async def test_invalid_values_are_refused(demo: CreationDemo, case: str) -> None:
    site_values, input_values, expected_fields = REFUSED_VALUES[case]
    site = demo.add_site(**site_values)
    problems = await demo.order_as_previewed(**site.build_input(**input_values))
    assert [each["__typename"] for each in problems] == ["InvalidInput"], problems
    messages = {".".join(each["path"]): each["message"] for each in problems[0]["fields"]}
    assert messages.keys() == expected_fields.keys()
    for path, message in messages.items():
        assert message.startswith(f"`{path}` ")
        assert expected_fields[path] in message


@pytest.mark.parametrize("case", ACCEPTED_VALUES)
async def test_valid_values_are_accepted(demo: CreationDemo, case: str) -> None:
    site_values, input_values = ACCEPTED_VALUES[case]
    site = demo.add_site(**site_values)
    as_ = "staff" if site_values.get("shared") is False else "admin"
    if as_ == "staff":
        demo.move_offering_to_consumer(site)
    result = await demo.order_as_previewed(as_, **site.build_input(**input_values))
    assert result["__typename"] == "OrderCreated"

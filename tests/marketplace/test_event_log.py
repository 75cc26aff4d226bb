"""The event log and the versions of direct changes (domain.md §6.6, §7.1; rules.md §0)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.demo_with_provider import (
    DemoWithProvider,
    find_renewable_resource,
    serve_demo_with_provider,
)

FEED_MODELS_SQL = """
select distinct t.model from logging_feed f
join django_content_type t on t.id = f.content_type_id where f.event_id > %s
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a mutable demo with its provider."""
    async with serve_demo_with_provider(new_database()) as running_demo:
        yield running_demo


async def place_renewal(demo: DemoWithProvider) -> tuple[str, str, str]:
    """Return the uuid and name of a resource, and the uuid of an order to renew it."""
    uuid = await find_renewable_resource(demo, "Marketplace.Basic")
    result = await demo.run_mutation("renewResource", uuid=uuid, extensionMonths=12)
    name_sql = "select name from marketplace_resource where uuid = %s"
    ((name,),) = demo.run_sql(name_sql, uuid)
    return uuid, name, result["order"]["uuid"]


@pytest.mark.parametrize("field", ["rejectOrder", "cancelOrder"])
async def test_events_of_a_withdrawn_order(demo: DemoWithProvider, field: str) -> None:
    since_event_id = demo.load_last_event_id()
    _, name, order = await place_renewal(demo)
    await demo.run_mutation(field, uuid=order)
    outcome = "rejected" if field == "rejectOrder" else "terminated"
    change = f"Marketplace resource '{name}' has been changed. Field 'state': from"
    assert demo.load_events(since_event_id) == [
        ("marketplace_resource_update_succeeded", f"{change} OK to Updating."),
        ("marketplace_resource_update_succeeded", f"{change} Updating to OK."),
        (
            f"marketplace_order_{outcome}",
            f"Marketplace order for resource {name} has been {outcome}. Type: Update",
        ),
    ]
    models = {model for (model,) in demo.run_sql(FEED_MODELS_SQL, since_event_id)}
    assert models == {"resource", "project", "customer", "order"}


@pytest.mark.parametrize(
    ("field", "input_values"),
    [
        ("setResourceEndDate", {"endDate": "2099-01-01"}),
        ("updateResourceOptions", {"options": {"contact": "me@example.org"}, "direct": True}),
    ],
)
async def test_direct_changes_store_no_version(
    demo: DemoWithProvider, field: str, input_values: dict[str, Any]
) -> None:
    operation = "SET_RESOURCE_END_DATE" if "endDate" in input_values else "UPDATE_RESOURCE_OPTIONS"
    condition = "r.state = 2 and o.resource_options #> '{options,contact}' is not null"
    uuid = (await demo.find_operable_resources(operation, condition=condition))[0]
    since_event_id = demo.load_last_event_id()
    version_count = demo.run_sql("select count(*) from reversion_version")
    result = await demo.run_mutation(field, uuid=uuid, **input_values)
    assert "message" not in result, result
    assert demo.run_sql("select count(*) from reversion_version") == version_count
    change = demo.load_events(since_event_id)[0]
    assert change[0] == "marketplace_resource_update_succeeded"
    assert "Field 'end_date': from " in change[1] or "Field 'options': from " in change[1]
    assert "end_date_updated_at" not in change[1]


async def test_secrets_are_not_logged(demo: DemoWithProvider) -> None:
    uuid, _, order = await place_renewal(demo)
    await demo.run_mutation("approveOrder", uuid=order)
    secret_sql = """update marketplace_resource set options = '{"user_username": "secret"}',
        attributes = '{"user_password": "secret"}' where uuid = %s returning offering_id"""
    ((offering_id,),) = demo.run_sql(secret_sql, uuid)
    type_sql = "update marketplace_offering set type = %s where id = %s"
    demo.run_sql(type_sql, "OpenStack.Tenant", offering_id)
    since_event_id = demo.load_last_event_id()
    await demo.process_due_work()
    demo.run_sql(type_sql, "Marketplace.Basic", offering_id)
    texts_sql = "select message || context::text from logging_event where id > %s"
    texts = [text for (text,) in demo.run_sql(texts_sql, since_event_id)]
    assert len(texts) == 3
    assert "renewal_history" in texts[0]
    assert not [each for each in texts if "secret" in each]

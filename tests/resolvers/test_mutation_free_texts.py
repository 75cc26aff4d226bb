"""Free texts are stored in full: comments and options have only the bounds of domain.md."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


async def test_long_rejection_comments_are_stored(demo: MutableDemo) -> None:
    """The columns of rejection comments have no bound (domain.md §1.8)."""
    uuid = (
        await demo.find_operable_resources(
            "RENEW_RESOURCE", condition="o.type = 'Marketplace.Basic'"
        )
    )[0]
    comment = "x" * 255
    renewal = await demo.run_mutation(
        "renewResource", uuid=uuid, extensionMonths=12, requestComment=comment
    )
    order, reason = renewal["order"]["uuid"], "Because, y'know. " * 1000
    assert (await demo.run_mutation("rejectOrder", uuid=order, comment=reason))["order"][
        "uuid"
    ] == order
    stored_comments = demo.run_sql(
        "select request_comment, consumer_rejection_comment || provider_rejection_comment"
        " from marketplace_order where uuid = %s",
        order,
    )
    assert stored_comments == [(comment, reason)]


async def test_long_options_are_stored(demo: MutableDemo) -> None:
    """Texts, lists and unknown keys of options have a common bound only (rules.md §0)."""
    by_order_condition = "(o.plugin_options ->> 'create_orders_on_resource_option_change')::boolean"
    condition = f"r.state = 2 and {by_order_condition}"
    uuid = (await demo.find_operable_resources("UPDATE_RESOURCE_OPTIONS", condition=condition))[0]
    options: dict[str, Any] = {
        "contact": "x" * 40_000,
        "unknown": ["y" * 2000] * 20,
        "many": [*range(1000)],
    }
    options["named"] = {str(number): number for number in range(1000)}
    result = await demo.run_mutation("updateResourceOptions", uuid=uuid, options=options)
    assert result["__typename"] == "ResourceOptionsUpdated"
    stored_sql = (
        "select o.attributes -> 'new_options' from marketplace_order o"
        " join marketplace_resource r on r.id = o.resource_id where r.uuid = %s order by o.id desc"
    )
    assert options.items() <= demo.run_sql(stored_sql, uuid)[0][0].items()

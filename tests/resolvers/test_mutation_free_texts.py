"""What people write is kept whole: comments and options have no bounds but those of domain.md."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import NewDatabase
from tests.support.mutable_demo import Changing, changing

LITERAL = """mutation { updateResourceOptions(input: {uuid: "@", options: {size: %s}}) {
    __typename ... on InvalidInput { fields { path message } }
} }"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: NewDatabase) -> AsyncIterator[Changing]:
    """Give a demo that may change."""
    async with changing(new_database()) as made:
        yield made


async def test_a_long_reason_for_a_rejection_is_kept(demo: Changing) -> None:
    """Domain.md §1.8: the columns of rejection comments have no bound."""
    uuid = (await demo.able("RENEW_RESOURCE", condition="o.type = 'Marketplace.Basic'"))[0]
    comment = "x" * 255
    placed = await demo.change(
        "renewResource", uuid=uuid, extensionMonths=12, requestComment=comment
    )
    order, why = placed["order"]["uuid"], "Because, y'know. " * 1000
    assert (await demo.change("rejectOrder", uuid=order, comment=why))["order"]["uuid"] == order
    kept = demo.sql(
        "select request_comment, consumer_rejection_comment || provider_rejection_comment"
        " from marketplace_order where uuid = %s",
        order,
    )
    assert kept == [(comment, why)]


@pytest.mark.parametrize("direct", [True, False])
async def test_long_options_are_kept(demo: Changing, direct: bool) -> None:
    """Domain.md §5.9: texts have no bound, nor have lists and what is not asked for."""
    one_by_order = "(o.plugin_options ->> 'create_orders_on_resource_option_change')::boolean"
    condition = "r.state = 2" if direct else f"r.state = 2 and {one_by_order}"
    uuid = (await demo.able("UPDATE_RESOURCE_OPTIONS", condition=condition))[0]
    given: dict[str, Any] = {
        "contact": "x" * 100_000,
        "unasked": ["y" * 2000] * 20,
        "many": [*range(5000)],
    }
    given["named"] = {str(number): number for number in range(5000)}
    came = await demo.change("updateResourceOptions", uuid=uuid, options=given, direct=direct)
    assert came["__typename"] == "ResourceOptionsUpdated"
    kept = (
        "select options from marketplace_resource where uuid = %s"
        if direct
        else "select o.attributes -> 'new_options' from marketplace_order o"
        " join marketplace_resource r on r.id = o.resource_id where r.uuid = %s order by o.id desc"
    )
    assert given.items() <= demo.sql(kept, uuid)[0][0].items()


@pytest.mark.parametrize("number", ["1e400", "-1e400", "[1e400]"])
async def test_numbers_that_nothing_can_hold_are_refused(demo: Changing, number: str) -> None:
    uuid = (await demo.able("UPDATE_RESOURCE_OPTIONS"))[0]
    before = demo.digest()
    answer = await demo.client.ask((LITERAL % number).replace("@", uuid))
    came = answer["data"]["updateResourceOptions"]
    (field,) = came["fields"]
    assert field["path"][:2] == ["options", "size"]
    assert "out of range" in field["message"]
    assert demo.digest() == before

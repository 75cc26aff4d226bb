"""Changing the limits of a resource (domain.md §5.11, rules.md §1)."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.demo_with_provider import DemoWithProvider, serve_demo_with_provider
from tests.support.mutable_demo import FINISH_ORDERS_SQL

SEVERAL_LIMITS = (
    "r.state = 2 and (select count(*) from jsonb_object_keys(r.limits)) > 1"
    " and r.plan_id is not null"
)
QUOTAS_SQL = """
select c.type, q."limit" from marketplace_componentquota q
join marketplace_offeringcomponent c on c.id = q.component_id where q.resource_id = %s
"""


class LimitedResource(NamedTuple):
    """A resource with two limits or more."""

    uuid: str
    before: dict[str, Any]

    @property
    def limits(self) -> dict[str, Any]:
        """Its limits before the update."""
        limits: dict[str, Any] = self.before["limits"]
        return limits


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a demo that the tests change, and its provider."""
    async with serve_demo_with_provider(new_database()) as demo_with_provider:
        yield demo_with_provider


@pytest_asyncio.fixture(loop_scope="session")
async def resource(demo: DemoWithProvider) -> AsyncIterator[LimitedResource]:
    """Yield a resource; end its orders then."""
    uuids = await demo.find_operable_resources("UPDATE_RESOURCE_LIMITS", condition=SEVERAL_LIMITS)
    before = demo.load_resource_row(uuids[0])
    demo.run_sql(
        "update marketplace_offeringcomponent set max_value = null, limit_amount = null,"
        " max_available_limit = null where offering_id ="
        " (select offering_id from marketplace_resource where uuid = %s)",
        uuids[0],
    )
    yield LimitedResource(uuids[0], before)
    demo.run_sql(FINISH_ORDERS_SQL, before["id"])
    demo.run_sql("update marketplace_resource set state = 2 where uuid = %s", uuids[0])


async def order_limits(
    demo: DemoWithProvider, resource: LimitedResource, limits: Any, **arguments: Any
) -> Any:
    """Order limits as staff."""
    return await demo.run_mutation(
        "updateResourceLimits", uuid=resource.uuid, limits=limits, **arguments
    )


async def carry_out_order(demo: DemoWithProvider, order: dict[str, Any]) -> None:
    """Approve an order where that is needed, and run the provider."""
    if order["state"].startswith("PENDING"):
        await demo.run_mutation("approveOrder", uuid=order["uuid"])
    await demo.process_due_work()


async def test_an_order_carries_all_limits(
    demo: DemoWithProvider, resource: LimitedResource
) -> None:
    limits = {name: value + 1 for name, value in resource.limits.items()}
    result = await order_limits(demo, resource, limits, requestComment="More, please.")
    assert (result["__typename"], result["resource"]["state"]) == (
        "ResourceLimitsUpdated",
        "UPDATING",
    )
    query = """query ($uuid: UUID!) { order(uuid: $uuid) {
        subtype limits attributes cost requestComment plan { uuid } oldPlan { uuid } } }"""
    order = (await demo.client.execute_query(query, uuid=result["order"]["uuid"]))["data"]["order"]
    assert (order["subtype"], order["limits"]) == ("UPDATE_LIMITS", limits)
    assert order["attributes"] == {"old_limits": resource.limits}
    assert order["requestComment"] == "More, please."
    assert order["plan"] is not None
    assert order["oldPlan"] is None
    assert order["cost"] is not None
    assert demo.load_resource_row(resource.uuid)["limits"] == resource.limits
    await carry_out_order(demo, result["order"])
    after = demo.load_resource_row(resource.uuid)
    assert (after["state"], after["limits"]) == (2, limits)
    assert {name: int(value) for name, value in demo.run_sql(QUOTAS_SQL, after["id"])} == limits


async def test_a_limit_that_is_left_out_is_removed(
    demo: DemoWithProvider, resource: LimitedResource
) -> None:
    name, value = next(iter(resource.limits.items()))
    result = await order_limits(demo, resource, {name: value})
    await carry_out_order(demo, result["order"])
    assert demo.load_resource_row(resource.uuid)["limits"] == {name: value}


@pytest.mark.parametrize(
    ("change", "expected_path"),
    [
        (lambda limits: limits, ["limits"]),
        (lambda limits: {name: float(value) for name, value in limits.items()}, ["limits"]),
        (lambda _limits: {}, ["limits"]),
        (lambda _limits: [], ["limits"]),
        (lambda limits: {**limits, "unknown": 1}, ["limits", "unknown"]),
        (lambda limits: {**limits, next(iter(limits)): -1}, None),
        (lambda limits: {**limits, next(iter(limits)): None}, None),
        (lambda limits: {**limits, next(iter(limits)): True}, None),
        (lambda limits: {**limits, next(iter(limits)): 10**18}, None),
    ],
)
async def test_invalid_limits_are_refused(
    demo: DemoWithProvider, resource: LimitedResource, change: Any, expected_path: list[str] | None
) -> None:
    expected_path = expected_path or ["limits", next(iter(resource.limits))]
    digest_before = demo.digest_tables()
    result = await order_limits(demo, resource, change(resource.limits))
    assert result["__typename"] == "InvalidInput"
    assert [each["path"] for each in result["fields"]] == [expected_path]
    assert demo.digest_tables() == digest_before


async def test_a_repeated_request_places_one_order(
    demo: DemoWithProvider, resource: LimitedResource
) -> None:
    limits = {name: value + 5 for name, value in resource.limits.items()}
    results = [
        await order_limits(demo, resource, limits, idempotencyKey="the same") for _ in range(2)
    ]
    assert results[0] == results[1]
    assert results[0]["__typename"] == "ResourceLimitsUpdated"


async def test_key_without_a_result_is_a_conflict(
    demo: DemoWithProvider, resource: LimitedResource
) -> None:
    """A gateway that changes the marketplace over REST leaves one if its answer is lost."""
    limits = {name: value + 5 for name, value in resource.limits.items()}
    assert (await order_limits(demo, resource, limits, idempotencyKey="lost"))["order"]
    demo.run_sql("update gateway.idempotency_key set result = null where key = 'lost'")
    result = await order_limits(demo, resource, limits, idempotencyKey="lost")
    assert result["__typename"] == "Conflict"
    assert "its answer was lost" in result["message"]

"""Which approvals and dates an order waits for after the consumer's review (domain.md §6.3)."""

from dataclasses import replace

import pytest

from gateway.db.access.viewer import Viewer
from gateway.db.tables.codes import OrderState
from tests.support.order_scene import (
    APPROVE,
    APPROVING_ROLE_SQL,
    OFFERING_SQL,
    OPTION_SQL,
    PROJECT_AHEAD,
    PROJECT_SQL,
    OrderScene,
)

REVIEWED_BY_NO_PROVIDER = OFFERING_SQL.format("type = 'Support.OfferingTemplate'")
REMOTE = OFFERING_SQL.format("type = 'Waldur.RemoteOffering'")
START_DATE_DISABLED = "delete from constance_config where key = 'ENABLE_ORDER_START_DATE'"
START_DATES = {"start_date": "2999-01-01"}


async def test_an_order_passes_its_states_in_order(scene: OrderScene) -> None:
    """Project start, provider's review, start date, execution."""
    await scene.run_sql(PROJECT_AHEAD)
    staff, consumer = Viewer(1, "staff", is_staff=True), scene.place.build_viewer(APPROVE)
    order = await scene.place_order(scene.place.build_viewer(), **START_DATES)
    assert order.state is OrderState.PENDING_CONSUMER
    assert (await scene.approve_order(consumer, order)).state is OrderState.PENDING_PROJECT
    await scene.run_sql(
        PROJECT_SQL.format("start_date = current_date"),
        "update marketplace_order set state = 1 where resource_id = :resource_id and state = 8",
    )
    assert (await scene.approve_order(consumer, order)).state is OrderState.PENDING_PROVIDER
    assert (await scene.approve_order(staff, order)).state is OrderState.PENDING_START_DATE


@pytest.mark.parametrize(
    ("setup", "expected_state"),
    [
        ([REVIEWED_BY_NO_PROVIDER], OrderState.PENDING_START_DATE),
        ([REVIEWED_BY_NO_PROVIDER, START_DATE_DISABLED], OrderState.EXECUTING),
        ([], OrderState.PENDING_PROVIDER),
        ([REVIEWED_BY_NO_PROVIDER, PROJECT_AHEAD], OrderState.PENDING_PROJECT),
    ],
)
async def test_an_approved_order_waits_for_its_start_date(
    scene: OrderScene, setup: list[str], expected_state: OrderState
) -> None:
    await scene.run_sql(*setup)
    order = await scene.place_order(scene.place.build_viewer(), **START_DATES)
    approved_order = await scene.approve_order(scene.place.build_viewer(APPROVE), order)
    assert approved_order.state is expected_state


@pytest.mark.parametrize(
    ("setup", "expected_state"),
    [
        ([REVIEWED_BY_NO_PROVIDER], OrderState.EXECUTING),
        ([], OrderState.PENDING_PROVIDER),
        ([REVIEWED_BY_NO_PROVIDER, PROJECT_AHEAD], OrderState.PENDING_PROJECT),
    ],
)
async def test_an_order_without_reviews_does_not_wait_for_its_start_date(
    scene: OrderScene, setup: list[str], expected_state: OrderState
) -> None:
    await scene.run_sql(*setup)
    order = await scene.place_order(scene.place.build_viewer(APPROVE), **START_DATES)
    assert order.state is expected_state


@pytest.mark.parametrize(
    ("setup", "expected_state"),
    [
        ([], OrderState.PENDING_PROVIDER),
        ([OPTION_SQL.format('{"auto_approve_remote_orders": true}')], OrderState.EXECUTING),
        (
            [APPROVING_ROLE_SQL.format(":provider_id", "member", "CUSTOMER.OWNER")],
            OrderState.EXECUTING,
        ),
        (
            [APPROVING_ROLE_SQL.format(":offering_id", "member", "OFFERING.MANAGER")],
            OrderState.EXECUTING,
        ),
        (
            [APPROVING_ROLE_SQL.format(":provider_id", "member", "CUSTOMER.SUPPORT")],
            OrderState.PENDING_PROVIDER,
        ),
        (
            [APPROVING_ROLE_SQL.format(":customer_id", "member", "CUSTOMER.OWNER")],
            OrderState.PENDING_PROVIDER,
        ),
    ],
)
async def test_the_provider_reviews_remote_orders_of_others(
    scene: OrderScene, setup: list[str], expected_state: OrderState
) -> None:
    """Roles of the provider decide, not its permissions."""
    await scene.run_sql(REMOTE, *setup)
    viewer = scene.place.build_viewer(APPROVE, "ORDER.APPROVE customer {provider}")
    assert (await scene.place_order(viewer)).state is expected_state


async def test_the_role_of_the_consumers_reviewer_decides_on_remote_orders(
    scene: OrderScene,
) -> None:
    role_sql = APPROVING_ROLE_SQL.format(":provider_id", "member", "CUSTOMER.OWNER")
    await scene.run_sql(REMOTE, role_sql)
    order = await scene.place_order(scene.place.build_viewer())
    reviewer = replace(scene.place.build_viewer(APPROVE), user_id=2)
    approved_order = await scene.approve_order(reviewer, order)
    assert (approved_order.state, approved_order.consumer_reviewed_by_id) == (
        OrderState.PENDING_PROVIDER,
        2,
    )


async def test_remote_orders_of_staff_are_not_reviewed(scene: OrderScene) -> None:
    await scene.run_sql(REMOTE)
    order = await scene.place_order(Viewer(1, "staff", is_staff=True))
    assert order.state is OrderState.EXECUTING


@pytest.mark.parametrize(
    ("option", "expected_state"),
    [("true", OrderState.EXECUTING), ("false", OrderState.PENDING_PROVIDER)],
)
async def test_scripts_are_reviewed_if_the_offering_says_so(
    scene: OrderScene, option: str, expected_state: OrderState
) -> None:
    await scene.run_sql(
        OFFERING_SQL.format("type = 'Marketplace.Script'"),
        OPTION_SQL.format(f'{{"auto_approve_marketplace_script": {option}}}'),
    )
    order = await scene.place_order(scene.place.build_viewer(APPROVE))
    assert order.state is expected_state

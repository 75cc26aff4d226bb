"""What makes trouble holds up nothing else of what the demo's provider does, and harms nothing."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from tests.conftest import NewDatabase
from tests.support.demo_with_provider import Living, living, renewable

SYNCED = "select last_sync > '2021-01-01' from marketplace_resource where uuid = %s"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: NewDatabase) -> AsyncIterator[Living]:
    """Give a demo that may change, and its provider."""
    async with living(new_database()) as made:
        yield made


async def test_a_pull_that_makes_no_sense_holds_up_no_other(demo: Living) -> None:
    first, second, *_ = await demo.able("PULL_RESOURCE")
    usages = (
        "update marketplace_resource set last_sync = '2020-01-01', current_usages = %s"
        " where uuid = %s"
    )
    demo.sql(usages, '{"cpu": null}', first)
    demo.sql(usages, '{"cpu": 1}', second)
    for uuid in (first, second):
        assert (await demo.change("pullResource", uuid=uuid))["__typename"] == "ResourcePulled"
    await demo.carry_out()
    assert demo.sql("select count(*) from gateway.pull") == [(0,)]
    assert demo.sql(SYNCED, first) + demo.sql(SYNCED, second) == [(False,), (True,)]


async def test_trouble_with_the_database_fails_no_order(demo: Living) -> None:
    uuid = await renewable(demo, "Marketplace.Basic")
    placed = await demo.change("renewResource", uuid=uuid, extensionMonths=12)
    order = placed["order"]["uuid"]
    await demo.change("approveOrder", uuid=order)
    assert await demo.provider.step()
    demo.sql("alter table gateway.marketplace rename to elsewhere")
    with pytest.raises(psycopg.errors.UndefinedTable):
        await demo.provider.step()
    demo.sql("alter table gateway.elsewhere rename to marketplace")
    states = "select o.state, r.state from marketplace_order o join marketplace_resource r"
    assert demo.sql(f"{states} on r.id = o.resource_id where o.uuid = %s", order) == [(3, 2)]


TRIAL = """{ resources(first: 300) { nodes { uuid state offering { name } allowedOperations } } }"""
FOLLOW = """query ($uuid: UUID!) { order(uuid: $uuid) {
    state errorMessage completedAt resource { state errorMessage endDate }
} }"""


async def test_an_owner_sees_an_order_fail(demo: Living) -> None:
    nodes = (await demo.client.ask(TRIAL, "owner"))["data"]["resources"]["nodes"]
    (trial,) = [each for each in nodes if each["offering"]["name"] == "Licences on trial"]
    assert trial["state"] == "OK"
    assert "RENEW_RESOURCE" in trial["allowedOperations"]
    placed = await demo.change("renewResource", "owner", uuid=trial["uuid"], extensionMonths=12)
    assert placed["order"]["state"] == "EXECUTING"
    end = placed["resource"]["endDate"]
    assert await demo.provider.step()
    failed = (await demo.client.ask(FOLLOW, "owner", uuid=placed["order"]["uuid"]))["data"]["order"]
    why = "The demo's provider fails what is ordered from this offering."
    erred = {"state": "ERRED", "errorMessage": why}
    assert failed == {**erred, "completedAt": None, "resource": {**erred, "endDate": end}}

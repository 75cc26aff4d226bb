"""Limits that a resource can have: bounds, totals of a period, whole numbers (rules.md §0)."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.support.gateway_server import serve_in_process
from tests.support.mutable_demo import FINISH_ORDERS_SQL, MutableDemo, serve_mutable_demo

PREPAID_COMPONENT_SQL = """
select r.uuid, r.id, c.id, c.type from marketplace_resource r
join marketplace_offeringcomponent c on c.offering_id = r.offering_id and c.is_prepaid
where r.uuid = any(%s::uuid[]) and (
    select count(*) from marketplace_resource o where o.offering_id = r.offering_id) > 2
order by r.id limit 1
"""
CLEAR_BOUNDS_SQL = """
update marketplace_offeringcomponent set limit_period = null, limit_amount = null,
    max_available_limit = null, min_value = null, max_value = null where id = %s
"""
LONG_AGO = "2001-01-01"
COLUMN_NAME = "limit_decimal_places"


class Renewal(NamedTuple):
    """A resource that can be renewed, and a prepaid component of its offering."""

    demo: MutableDemo
    uuid: str
    resource_id: int
    component_id: int
    component: str

    async def find_error(self, limit: float, **columns: Any) -> str | None:
        """Return the message about a limit if the component has the columns; None if valid."""
        for name, value in columns.items():
            self.demo.run_sql(
                f"update marketplace_offeringcomponent set {name} = %s where id = %s",
                value,
                self.component_id,
            )
        result = await self.demo.run_mutation(
            "renewResource", uuid=self.uuid, extensionMonths=12, limits={self.component: limit}
        )
        self.demo.run_sql(FINISH_ORDERS_SQL, self.resource_id)
        self.demo.run_sql(
            "update marketplace_resource set state = 2 where id = %s", self.resource_id
        )
        if result["__typename"] == "ResourceRenewed":
            return None
        (field,) = result["fields"]
        assert field["path"] == ["limits", self.component]
        return str(field["message"])

    def set_quotas(self, total: int, modified: str = "now") -> None:
        """Set the sum of the quotas of the component, and when all of them were modified."""
        self.demo.run_sql(
            "delete from marketplace_componentquota where component_id = %s", self.component_id
        )
        self.demo.run_sql(
            'insert into marketplace_componentquota (resource_id, component_id, "limit", usage,'
            " created, modified) values (%s, %s, %s, 0, now(), %s)",
            self.resource_id,
            self.component_id,
            total,
            modified,
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def newest_demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo whose components have the column of the newest version."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        create_marketplace(connection, resource_count=300, seed=1)
        connection.execute("delete from marketplace_offeringtermsofservice")
        statement = f"alter table marketplace_offeringcomponent add {COLUMN_NAME} smallint"
        connection.execute(statement.encode())
        async with serve_in_process(url) as client:
            yield MutableDemo(client, connection)


async def find_renewal(demo: MutableDemo) -> Renewal:
    """Return a resource that can be renewed, whose component has no bounds."""
    uuids = await demo.find_operable_resources("RENEW_RESOURCE", condition="r.state = 2")
    ((uuid, resource_id, component_id, component),) = demo.run_sql(PREPAID_COMPONENT_SQL, uuids)
    demo.run_sql(CLEAR_BOUNDS_SQL, component_id)
    return Renewal(demo, uuid.hex, resource_id, component_id, component)


@pytest_asyncio.fixture(loop_scope="session")
async def renewal(demo: MutableDemo) -> Renewal:
    """Return a resource that can be renewed, whose component has no bounds."""
    return await find_renewal(demo)


@pytest.fixture
def other_limits(renewal: Renewal) -> Iterator[None]:
    """Set the limits of the other resources of the offering to 1 in total."""
    renewal.demo.run_sql("create temp table saved as select id, limits from marketplace_resource")
    renewal.demo.run_sql(
        "update marketplace_resource r set limits = jsonb_build_object(c.type, case when r.id ="
        " (select max(id) from marketplace_resource where offering_id = c.offering_id) then 1 else"
        " 0 end) from marketplace_offeringcomponent c where c.id = %s"
        " and r.offering_id = c.offering_id and r.id != %s",
        renewal.component_id,
        renewal.resource_id,
    )
    yield
    renewal.demo.run_sql(
        "update marketplace_resource r set limits = s.limits from saved s where s.id = r.id"
    )
    renewal.demo.run_sql("drop table saved")


@pytest.mark.parametrize("name", ["min_value", "max_value", "max_available_limit", "limit_amount"])
async def test_zero_is_not_a_bound(renewal: Renewal, name: str) -> None:
    renewal.set_quotas(5)
    columns = {"limit_period": "total", name: 0}
    assert await renewal.find_error(7, **columns) is None
    assert await renewal.find_error(0, **columns) is None


@pytest.mark.parametrize("period", [None, "fortnight"])
async def test_an_amount_without_a_known_period_is_not_a_bound(
    renewal: Renewal, period: str | None
) -> None:
    renewal.set_quotas(5)
    assert await renewal.find_error(7, limit_amount=6, limit_period=period) is None


@pytest.mark.parametrize("period", ["month", "quarterly", "annual", "total"])
async def test_an_amount_bounds_the_limits_of_a_period(renewal: Renewal, period: str) -> None:
    renewal.set_quotas(5)
    columns = {"limit_amount": 6, "limit_period": period}
    assert await renewal.find_error(1, **columns) is None
    renewal.set_quotas(5)
    message = await renewal.find_error(2, **columns)
    assert message is not None
    assert "must be at most 1, got 2: all resources share a total of 6." in message


@pytest.mark.parametrize("period", ["month", "quarterly", "annual"])
async def test_a_quota_counts_in_the_period_in_which_it_was_modified(
    renewal: Renewal, period: str
) -> None:
    renewal.set_quotas(5, LONG_AGO)
    renewal.demo.run_sql("update marketplace_resource set modified = now()")
    assert await renewal.find_error(2, limit_amount=6, limit_period=period) is None


async def test_a_quota_counts_though_its_resource_was_not_modified(renewal: Renewal) -> None:
    renewal.set_quotas(5)
    renewal.demo.run_sql("alter table marketplace_resource disable trigger user")
    renewal.demo.run_sql("update marketplace_resource set modified = %s", LONG_AGO)
    renewal.demo.run_sql("alter table marketplace_resource enable trigger user")
    message = await renewal.find_error(2, limit_amount=6, limit_period="month")
    assert message is not None
    assert "must be at most 1, got 2" in message


@pytest.mark.usefixtures("other_limits")
async def test_the_available_limit_is_an_exclusive_bound(renewal: Renewal) -> None:
    assert await renewal.find_error(3, max_available_limit=5) is None
    message = await renewal.find_error(4, max_available_limit=5)
    assert message is not None
    assert "must be less than 4, got 4: all resources of the offering share" in message


@pytest.mark.parametrize("limit", [0.5, 7.25])
async def test_limits_are_whole_numbers(renewal: Renewal, limit: float) -> None:
    message = await renewal.find_error(limit)
    assert message == f"`limits.{renewal.component}` must be a whole number, got {limit}."


async def test_a_whole_number_may_have_a_point(renewal: Renewal) -> None:
    assert await renewal.find_error(7.0) is None


async def test_a_component_of_the_newest_version_allows_decimal_places(
    newest_demo: MutableDemo,
) -> None:
    renewal = await find_renewal(newest_demo)
    for places in (None, 0):
        message = await renewal.find_error(0.5, limit_decimal_places=places)
        assert message is not None
        assert "must be a whole number, got 0.5." in message
    assert await renewal.find_error(0.5, limit_decimal_places=1) is None
    message = await renewal.find_error(0.55, limit_decimal_places=1)
    assert message is not None
    assert "must have at most 1 decimal place, got 0.55." in message
    assert await renewal.find_error(0.55, limit_decimal_places=2) is None
    assert await renewal.find_error(7, limit_decimal_places=2) is None

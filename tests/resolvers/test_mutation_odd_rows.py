"""Mutations when rows that they read hold values which make no sense."""

import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

RENEWABLE_SQL = """
select r.uuid, r.offering_id, c.type, c.id from marketplace_resource r
join marketplace_offeringcomponent c on c.offering_id = r.offering_id and c.is_prepaid
where r.uuid = any(%s::uuid[]) and exists (
    select from marketplace_resource o where o.offering_id = r.offering_id and o.id != r.id)
order by r.id limit 1
"""
OTHER_LIMITS_SQL = """
update marketplace_resource set limits = %s::jsonb
where offering_id = %s and uuid != %s::uuid and state = 2
"""
ODD_LIMITS = (
    "null",
    "[]",
    '"8 GB"',
    '{"@": "8 GB"}',
    '{"@": null}',
    '{"@": [1]}',
    '{"@": 1e400}',
    '{"@": ' + "9" * 5000 + "}",
)


class Renewable(NamedTuple):
    """A resource that can be renewed, and a prepaid component of its offering."""

    uuid: str
    offering_id: int
    component: str
    component_id: int


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo_copy(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a marketplace that tests change."""
    async with serve_mutable_demo(new_database()) as demo:
        yield demo


@pytest_asyncio.fixture(loop_scope="session")
async def renewable(demo_copy: MutableDemo) -> AsyncIterator[Renewable]:
    """Yield a resource that can be renewed; its offering's values are restored afterwards."""
    uuids = await demo_copy.find_operable_resources("RENEW_RESOURCE")
    ((uuid, offering_id, component, component_id),) = demo_copy.run_sql(RENEWABLE_SQL, uuids)
    demo_copy.run_sql("create temp table saved as select * from marketplace_resource")
    demo_copy.run_sql("create temp table prices as select id, price from marketplace_plancomponent")
    yield Renewable(uuid.hex, offering_id, component, component_id)
    demo_copy.run_sql(
        "update marketplace_resource r set limits = s.limits, attributes = s.attributes,"
        " state = s.state from saved s where s.id = r.id"
    )
    demo_copy.run_sql(
        "update marketplace_plancomponent p set price = s.price from prices s where s.id = p.id"
    )
    demo_copy.run_sql("drop table saved, prices")


def make_limited(demo: MutableDemo, renewable: Renewable, max_limit: int | None = 10**9) -> None:
    """Set the maximal sum of the limits of the offering's resources."""
    demo.run_sql(
        "update marketplace_offeringcomponent set max_available_limit = %s where id = %s",
        max_limit,
        renewable.component_id,
    )


@pytest.mark.parametrize("odd_limits", ODD_LIMITS, ids=lambda each: each[:20])
async def test_odd_limits_of_another_resource_do_not_prevent_a_renewal(
    demo_copy: MutableDemo, renewable: Renewable, odd_limits: str
) -> None:
    make_limited(demo_copy, renewable)
    odd_limits = odd_limits.replace("@", renewable.component)
    demo_copy.run_sql(OTHER_LIMITS_SQL, odd_limits, renewable.offering_id, renewable.uuid)
    limits = {renewable.component: 50}
    result = await demo_copy.run_mutation(
        "renewResource", uuid=renewable.uuid, extensionMonths=12, limits=limits
    )
    assert result["__typename"] == "ResourceRenewed", result
    make_limited(demo_copy, renewable, None)
    demo_copy.run_sql("update marketplace_order set state = 3 where state in (1, 2, 7, 8, 9)")


@pytest.mark.parametrize("odd_limits", ODD_LIMITS, ids=lambda each: each[:20])
async def test_odd_limits_of_a_resource_are_a_problem_of_its_own(
    demo_copy: MutableDemo, renewable: Renewable, odd_limits: str
) -> None:
    demo_copy.run_sql(
        "update marketplace_resource set limits = %s::jsonb where uuid = %s::uuid",
        odd_limits.replace("@", renewable.component),
        renewable.uuid,
    )
    kept = await demo_copy.run_mutation("renewResource", uuid=renewable.uuid, extensionMonths=12)
    if "@" in odd_limits:
        assert kept["__typename"] == "InvalidInput"
        assert kept["fields"][0]["path"] == ["limits", renewable.component]
        assert re.search("must be (a number|less than)", kept["fields"][0]["message"])
        kept = await demo_copy.run_mutation(
            "renewResource",
            uuid=renewable.uuid,
            extensionMonths=12,
            limits={renewable.component: 1},
        )
    assert kept["__typename"] == "ResourceRenewed"
    demo_copy.run_sql("update marketplace_order set state = 3 where state in (1, 2, 7, 8, 9)")


async def test_the_cost_is_null_if_a_price_is_not_a_number(
    demo_copy: MutableDemo, renewable: Renewable
) -> None:
    demo_copy.run_sql("update marketplace_plancomponent set price = 'NaN'")
    document = (
        "query ($uuid: UUID!) { resource(uuid: $uuid)"
        " { renewalEstimate(extensionMonths: 12) { __typename } uuid } }"
    )
    result: Any = await demo_copy.client.execute_query(document, uuid=renewable.uuid)
    assert result == {"data": {"resource": {"renewalEstimate": None, "uuid": renewable.uuid}}}
    renewal = await demo_copy.run_mutation("renewResource", uuid=renewable.uuid, extensionMonths=12)
    assert renewal["order"]["cost"] is None
    demo_copy.run_sql("update marketplace_order set state = 3 where state in (1, 2, 7, 8, 9)")


async def test_an_unknown_state_is_an_error_of_the_mutation(
    demo_copy: MutableDemo, renewable: Renewable
) -> None:
    demo_copy.run_sql(
        "update marketplace_resource set state = 77 where uuid = %s::uuid", renewable.uuid
    )
    document = (
        "mutation ($input: SetResourceEndDateInput!)"
        " { setResourceEndDate(input: $input) { __typename } }"
    )
    error = await demo_copy.client.fetch_error(document, input={"uuid": renewable.uuid})
    assert error["path"] == ["setResourceEndDate"]
    assert error["extensions"]["code"] == "INVALID_DATA"


async def test_totals_that_are_out_of_range_are_an_error_of_the_mutation(
    demo_copy: MutableDemo,
) -> None:
    ((uuid, target),) = demo_copy.run_sql(
        "select r.uuid, p.uuid from marketplace_resource r"
        " join invoices_invoiceitem i on i.resource_id = r.id and i.project_id = r.project_id"
        " join structure_project own on own.id = r.project_id"
        " join structure_project p on p.customer_id = own.customer_id and p.id != own.id"
        " where not p.is_removed order by r.id, p.id limit 1"
    )
    demo_copy.run_sql("update invoices_invoice set state = 'pending'")
    demo_copy.run_sql("delete from policy_customerestimatedcostpolicy")
    document = (
        "mutation ($input: MoveResourceInput!) { moveResource(input: $input) { __typename } }"
    )
    variables = {"uuid": uuid.hex, "project": target.hex}
    demo_copy.run_sql(
        "update invoices_invoiceitem set unit_price = 999999999999, quantity = 999999999999"
    )
    error = await demo_copy.client.fetch_error(document, input=variables)
    assert error["path"] == ["moveResource"]
    assert error["extensions"]["code"] == "INVALID_DATA"

"""Versions of Waldur that lack routes, or answer in another way, over the same rows."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.permission_cases import find_resource
from tests.support.twin_demos import TwinDemos, digest_rows, send_mutation, serve_twin_demos

SETUP_SQL = """
delete from policy_customerestimatedcostpolicy;
delete from policy_projectestimatedcostpolicy;
delete from invoices_invoiceitem
"""


RESTORABLE_SQL = """
update marketplace_offering set plugin_options = plugin_options || '{"can_restore_resource": true}'
"""
TERMINATED_SQL = """
select r.uuid from marketplace_resource r join marketplace_offering o on o.id = r.offering_id
join structure_project p on p.id = r.project_id and not p.is_removed and p.end_date is null
join structure_customer c on c.id = p.customer_id and not c.blocked and not c.archived
where r.state = 6 and o.state = 2 order by r.id limit 1
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served_twins(new_database: DatabaseFactory) -> AsyncIterator[TwinDemos]:
    """Yield two equal demos."""
    async with serve_twin_demos(new_database, 300, SETUP_SQL) as twin_demos:
        yield twin_demos


@pytest.fixture(params=["8.0.5"])
def older_twins(served_twins: TwinDemos, request: pytest.FixtureRequest) -> TwinDemos:
    """Return the demos; the stand-in is an older version."""
    served_twins.stand_in.use_version(request.param)
    return served_twins


async def test_end_dates_are_set_by_the_older_actions(older_twins: TwinDemos) -> None:
    twins = older_twins
    uuid = await find_resource(twins.local, "SET_RESOURCE_END_DATE")
    twins.stand_in.take_requests()
    for username in ("staff", "provider"):
        input_values = {"uuid": uuid, "endDate": "2098-01-01"}
        responses = [
            await send_mutation(each, "setResourceEndDate", input_values, username)
            for each in twins.demos
        ]
        assert responses[0] == responses[1]
    actions = [each.path.split("/")[4] for each in twins.stand_in.take_requests()]
    assert [each for each in actions if each != "set_end_date"] == [
        "set_end_date_by_staff",
        "set_end_date_by_provider",
    ]
    assert digest_rows(twins.remote) == digest_rows(twins.local)
    assert twins.stand_in.violations == []


async def test_rules_of_the_older_actions_are_named(older_twins: TwinDemos) -> None:
    twins = older_twins
    uuid = await find_resource(twins.local, "SET_RESOURCE_END_DATE")
    input_values = {"uuid": uuid, "endDate": "2020-01-01"}
    response = await send_mutation(twins.remote, "setResourceEndDate", input_values, "staff")
    result = response["data"]["setResourceEndDate"]
    assert result["__typename"] == "InvalidInput"
    assert [each["path"] for each in result["fields"]] == [["endDate"]]
    assert "at least 7 days" in result["message"]


@pytest.mark.parametrize(
    ("operation", "field", "values", "username", "route"),
    [
        (
            "SET_RESOURCE_END_DATE",
            "setResourceEndDate",
            {"endDate": "2098-01-01"},
            "owner",
            "marketplace-resources/set_end_date",
        ),
        (
            "SET_RESOURCE_BACKEND_ID",
            "setResourceBackendId",
            {"identifier": {"effectiveId": "x"}},
            "staff",
            "marketplace-provider-resources/set_effective_id",
        ),
        (
            "SET_RESOURCE_ENDPOINTS",
            "setResourceEndpoints",
            {"endpoints": []},
            "staff",
            "marketplace-provider-resources/set_endpoints",
        ),
        (
            "ADJUST_RESOURCE_DATES",
            "adjustResourceDates",
            {"startDate": "2026-01-01", "endDate": "2099-12-31"},
            "staff",
            "marketplace-resources/adjust_dates",
        ),
    ],
)
async def test_missing_routes_are_named(
    older_twins: TwinDemos,
    operation: str,
    field: str,
    values: dict[str, Any],
    username: str,
    route: str,
) -> None:
    twins = older_twins
    uuid = await find_resource(twins.local, operation)
    before = twins.remote.digest_tables()
    response = await send_mutation(twins.remote, field, {"uuid": uuid, **values}, username)
    result = response["data"][field]
    assert result["__typename"] == "Unavailable"
    assert f"`{route}`" in result["message"]
    assert twins.remote.digest_tables() == before
    assert twins.stand_in.violations == []


async def test_orders_of_restored_resources_are_found(served_twins: TwinDemos) -> None:
    """Before 8.0.9, `restore` answers with the resource, without the order."""
    twins = served_twins
    twins.stand_in.use_version("8.0.8")
    twins.run_sql(RESTORABLE_SQL)
    ((uuid,),), _ = twins.run_sql(TERMINATED_SQL)
    responses = [
        await send_mutation(each, "restoreResource", {"uuid": uuid.hex}, "staff")
        for each in twins.demos
    ]
    local, remote = map(twins.hide_new_uuids, responses)
    assert remote == local

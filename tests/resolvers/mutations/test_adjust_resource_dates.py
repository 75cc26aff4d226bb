"""Adjusting the start and end dates of a prepaid resource (domain.md §5.18, rules.md §1)."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

TODAY = datetime.now(UTC).date()
TOMORROW, YESTERDAY = TODAY + timedelta(days=1), TODAY - timedelta(days=1)
CREATION_ORDERS_SQL = """
select uuid, start_date from marketplace_order where type = 1 and resource_id =
    (select id from marketplace_resource where uuid = %s) order by id
"""
RESOURCE_SQL = """
select end_date, u.username, end_date_updated_at > now() - interval '1 day'
from marketplace_resource r left join core_user u on u.id = r.end_date_requested_by_id
where r.uuid = %s
"""
LAST_VERSION_SQL = """
select r.comment, u.username, v.serialized_data::jsonb -> 0 -> 'fields' ->> 'end_date'
from reversion_version v join reversion_revision r on r.id = v.revision_id
left join core_user u on u.id = r.user_id order by v.id desc limit 1
"""
EVENT_TYPES_SQL = "select event_type, message from logging_event where id > %s order by id"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


async def adjust_dates(demo: MutableDemo, uuid: str, **arguments: Any) -> Any:
    """Adjust the dates of a resource, by default to this month; return the result."""
    dates = {"startDate": "2026-01-31", "endDate": TOMORROW.isoformat()}
    return await demo.run_mutation("adjustResourceDates", uuid=uuid, **dates | arguments)


async def find_prepaid_resource(demo: MutableDemo) -> str:
    """Return the UUID of a prepaid resource."""
    return (await demo.find_operable_resources("ADJUST_RESOURCE_DATES"))[0]


async def test_the_dates_are_stored_and_logged(demo: MutableDemo) -> None:
    uuid = await find_prepaid_resource(demo)
    demo.run_sql("update marketplace_resource set end_date = '2030-01-01' where uuid = %s", uuid)
    ((last_event,),) = demo.run_sql("select max(id) from logging_event")
    ((order, _), *other_orders) = demo.run_sql(CREATION_ORDERS_SQL, uuid)
    result = await adjust_dates(demo, uuid, comment="Delivered late.")
    assert result["__typename"] == "ResourceDatesAdjusted"
    assert result["resource"]["endDate"] == TOMORROW.isoformat()
    assert result["order"]["uuid"] == order.hex
    assert demo.run_sql(CREATION_ORDERS_SQL, uuid) == [(order, date(2026, 1, 31)), *other_orders]
    assert demo.run_sql(RESOURCE_SQL, uuid) == [(TOMORROW, "staff", True)]
    assert demo.run_sql(LAST_VERSION_SQL) == [("Delivered late.", "staff", TOMORROW.isoformat())]
    events = dict(demo.run_sql(EVENT_TYPES_SQL, last_event))
    assert [*events] == [
        "marketplace_resource_update_succeeded",
        "marketplace_resource_update_end_date_succeeded",
    ]
    message = events["marketplace_resource_update_end_date_succeeded"]
    assert f"Start date: 2026-01-31. End date: {TOMORROW}. User: staff." in message


async def test_only_the_first_creation_order_is_changed(demo: MutableDemo) -> None:
    """Without such an order, only the end date of the resource is."""
    uuid = await find_prepaid_resource(demo)
    creation_sql = "update marketplace_order set type = %s where uuid = %s"
    ((order, _),) = demo.run_sql(CREATION_ORDERS_SQL, uuid)
    demo.run_sql(creation_sql, 4, order)
    result = await adjust_dates(demo, uuid, startDate="2026-02-01")
    assert (result["order"], result["resource"]["endDate"]) == (None, TOMORROW.isoformat())
    demo.run_sql(creation_sql, 1, order)


VALID_DATES = [
    (TODAY - timedelta(days=9), TODAY),
    (TODAY, TOMORROW),
    (date(1, 1, 1), date(9999, 12, 31)),
]


@pytest.mark.parametrize(("start_date", "end_date"), VALID_DATES)
async def test_dates_may_be_far(demo: MutableDemo, start_date: date, end_date: date) -> None:
    dates = {"startDate": start_date.isoformat(), "endDate": end_date.isoformat()}
    result = await adjust_dates(demo, await find_prepaid_resource(demo), **dates)
    assert result["__typename"] == "ResourceDatesAdjusted"


INVALID_ARGUMENTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"startDate": TOMORROW.isoformat()}, ["endDate"]),
    ({"startDate": "9999-12-31"}, ["endDate"]),
    ({"endDate": YESTERDAY.isoformat()}, ["endDate"]),
    ({"comment": "x" * 501}, ["comment"]),
    ({"comment": "\0"}, ["comment"]),
    ({"endDate": YESTERDAY.isoformat(), "comment": "x" * 501}, ["endDate", "comment"]),
]


@pytest.mark.parametrize(("arguments", "names"), INVALID_ARGUMENTS)
async def test_invalid_input_changes_nothing(
    demo: MutableDemo, arguments: dict[str, Any], names: list[str]
) -> None:
    uuid = await find_prepaid_resource(demo)
    digest_before = demo.digest_tables()
    result = await adjust_dates(demo, uuid, **arguments)
    assert result["__typename"] == "InvalidInput"
    assert [each["path"] for each in result["fields"]] == [[name] for name in names]
    assert demo.digest_tables() == digest_before


async def test_resources_must_be_prepaid(demo: MutableDemo) -> None:
    (uuid, *_) = await demo.find_operable_resources(
        "SET_RESOURCE_END_DATE",
        condition="not exists (select from marketplace_offeringcomponent c"
        " where c.offering_id = o.id and c.is_prepaid) and r.state = 2",
    )
    digest_before = demo.digest_tables()
    result = await adjust_dates(demo, uuid)
    assert (result["__typename"], result["reason"]) == ("NotPossible", "NOT_PREPAID")
    assert demo.digest_tables() == digest_before


async def test_a_comment_of_500_characters_is_accepted(demo: MutableDemo) -> None:
    result = await adjust_dates(demo, await find_prepaid_resource(demo), comment="ä" * 500)
    assert result["__typename"] == "ResourceDatesAdjusted"

"""Updating a resource's name, description and end date (rules.md §1)."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

TODAY = date.today()  # noqa: DTZ011 - tests with it leave a day on each side
PREPAID_CONDITION = """exists (
    select from marketplace_offeringcomponent c where c.offering_id = o.id and c.is_prepaid)"""
DETAILS_SQL = """
select name, description, end_date, end_date_requested_by_id, end_date_updated_at
from marketplace_resource where uuid = %s
"""
COUNTS_SQL = """
select (select count(*) from reversion_version),
    (select count(*) from logging_event where event_type like '%end_date_succeeded')
"""
OPTIONS_SQL = """
update marketplace_offering o set plugin_options = %s::jsonb from marketplace_resource r
where r.offering_id = o.id and r.uuid = %s
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


@pytest_asyncio.fixture(loop_scope="session")
async def resource(demo: MutableDemo) -> str:
    """Return a resource with an end date that is not prepaid, and whose offering has no options."""
    uuid = (
        await demo.find_operable_resources("UPDATE_RESOURCE", "owner", f"not {PREPAID_CONDITION}")
    )[0]
    demo.run_sql(
        "update marketplace_resource set name = 'Old', description = 'Text', end_date = %s,"
        " end_date_requested_by_id = null, end_date_updated_at = null where uuid = %s",
        TODAY + timedelta(days=50),
        uuid,
    )
    demo.run_sql(OPTIONS_SQL, "{}", uuid)
    return uuid


async def update_resource(
    demo: MutableDemo, uuid: str, username: str = "owner", **values: Any
) -> Any:
    """Update a resource and return the result."""
    return await demo.run_mutation("updateResource", username, uuid=uuid, **values)


async def test_only_what_is_given_changes(demo: MutableDemo, resource: str) -> None:
    """A missing end date is kept, unlike in Waldur."""
    ((_, description, end_date, *request),) = demo.run_sql(DETAILS_SQL, resource)
    assert (await update_resource(demo, resource, name=" New "))["__typename"] == "ResourceUpdated"
    assert demo.run_sql(DETAILS_SQL, resource) == [("New", description, end_date, *request)]
    await update_resource(demo, resource, description="")
    assert demo.run_sql(DETAILS_SQL, resource) == [("New", "", end_date, *request)]
    nulls: dict[str, Any] = {"name": None, "description": None}
    digest = demo.digest_tables()
    assert (await update_resource(demo, resource, **nulls))["__typename"] == "ResourceUpdated"
    assert demo.digest_tables() == digest


async def test_an_update_is_a_version(demo: MutableDemo, resource: str) -> None:
    ((version_count, event_count),) = demo.run_sql(COUNTS_SQL)
    await update_resource(demo, resource, name="New", description="Other")
    assert demo.run_sql(COUNTS_SQL) == [(version_count + 1, event_count)]
    ((comment, name),) = demo.run_sql(
        "select r.comment, v.object_repr from reversion_version v"
        " join reversion_revision r on r.id = v.revision_id order by v.id desc limit 1"
    )
    assert (comment, name) == ("Updated via REST API", "New")


@pytest.mark.parametrize("new_date", [TODAY + timedelta(days=99), None])
async def test_a_changed_end_date_is_logged_with_who_requested_it(
    demo: MutableDemo, resource: str, new_date: date | None
) -> None:
    ((version_count, event_count),) = demo.run_sql(COUNTS_SQL)
    result = await update_resource(demo, resource, endDate=new_date and new_date.isoformat())
    assert result["__typename"] == "ResourceUpdated"
    ((*_, end_date, requested_by, updated_at),) = demo.run_sql(DETAILS_SQL, resource)
    ((owner,),) = demo.run_sql("select id from core_user where username = 'owner'")
    assert (end_date, requested_by) == (new_date, owner)
    assert updated_at
    assert demo.run_sql(COUNTS_SQL) == [(version_count + 1, event_count + 1)]


async def test_equal_values_write_nothing(demo: MutableDemo, resource: str) -> None:
    digest = demo.digest_tables()
    values = {
        "name": "Old",
        "description": "Text",
        "endDate": (TODAY + timedelta(days=50)).isoformat(),
    }
    assert (await update_resource(demo, resource, **values))["__typename"] == "ResourceUpdated"
    assert demo.digest_tables() == digest


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        ({"name": ""}, ["name"]),
        ({"name": " \t"}, ["name"]),
        ({"name": "x" * 151}, ["name"]),
        ({"description": "x" * 4097}, ["description"]),
        ({"endDate": (TODAY - timedelta(days=2)).isoformat()}, ["endDate"]),
        (
            {"name": "", "description": "x" * 4097, "endDate": "0001-01-01"},
            ["name", "description", "endDate"],
        ),
    ],
)
async def test_invalid_values_are_refused(
    demo: MutableDemo, resource: str, values: dict[str, Any], paths: list[str]
) -> None:
    digest = demo.digest_tables()
    result = await update_resource(demo, resource, **values)
    assert result["__typename"] == "InvalidInput"
    assert [each["path"] for each in result["fields"]] == [[path] for path in paths]
    assert demo.digest_tables() == digest


LATEST_DATE = TODAY + timedelta(days=30)
CREATED_SQL = "update marketplace_resource set created = now() - interval '70 days' where uuid = %s"


@pytest.mark.parametrize(
    ("options", "latest_date"),
    [
        (f'{{"latest_date_for_resource_termination": "{LATEST_DATE}"}}', LATEST_DATE),
        ('{"max_resource_termination_offset_in_days": 100}', LATEST_DATE),
        (
            (
                f'{{"latest_date_for_resource_termination": "{LATEST_DATE}",'
                ' "max_resource_termination_offset_in_days": 500}'
            ),
            LATEST_DATE,
        ),
        (
            (
                '{"latest_date_for_resource_termination": "soon",'
                ' "max_resource_termination_offset_in_days": "9"}'
            ),
            date.max,
        ),
        ('{"max_resource_termination_offset_in_days": 1e300}', date.max),
        ('{"is_resource_termination_date_required": true}', date.max),
    ],
)
async def test_offerings_limit_end_dates(
    demo: MutableDemo, resource: str, options: str, latest_date: date
) -> None:
    """Clearing is allowed even if an end date is required, and for staff limits hold, too."""
    demo.run_sql(OPTIONS_SQL, options, resource)
    demo.run_sql(CREATED_SQL, resource)
    if latest_date < date.max:
        late_date = (latest_date + timedelta(days=2)).isoformat()
        for username in ("owner", "staff"):
            result = await update_resource(demo, resource, username, endDate=late_date)
            assert (result["__typename"], result["fields"][0]["path"]) == (
                "InvalidInput",
                ["endDate"],
            )
    for end_date in (min(latest_date, date(9999, 12, 31)) - timedelta(days=1), None):
        result = await update_resource(demo, resource, endDate=end_date and end_date.isoformat())
        assert result["__typename"] == "ResourceUpdated"


@pytest.mark.parametrize("username", ["owner", "staff"])
async def test_the_end_date_of_a_prepaid_resource_is_kept(demo: MutableDemo, username: str) -> None:
    uuid = (
        await demo.find_operable_resources(
            "UPDATE_RESOURCE", "owner", f"{PREPAID_CONDITION} and r.end_date > current_date + 1"
        )
    )[0]
    ((_, _, end_date, *_),) = demo.run_sql(DETAILS_SQL, uuid)
    for new_date in ((end_date + timedelta(days=1)).isoformat(), None):
        digest = demo.digest_tables()
        result = await update_resource(demo, uuid, username, endDate=new_date)
        assert (result["__typename"], result["reason"]) == ("NotPossible", "PREPAID")
        assert demo.digest_tables() == digest
    result = await update_resource(
        demo, uuid, username, endDate=end_date.isoformat(), name="Renamed"
    )
    assert result["__typename"] == "ResourceUpdated"

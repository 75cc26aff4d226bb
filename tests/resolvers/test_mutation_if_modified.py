"""The optimistic lock `ifModified`: its precision, and its place among the checks."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

END_DATE_FIELD = "setResourceEndDate"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


async def test_a_stale_if_modified_is_a_conflict(demo: MutableDemo) -> None:
    uuid = (await demo.find_operable_resources("SET_RESOURCE_END_DATE"))[0]
    ((modified,),) = demo.run_sql("select modified from marketplace_resource where uuid = %s", uuid)
    digest_before, arguments = demo.digest_tables(), {"uuid": uuid, "endDate": "2099-01-01"}
    earlier = (modified - timedelta(microseconds=1)).isoformat()
    result = await demo.run_mutation(END_DATE_FIELD, ifModified=earlier, **arguments)
    assert result["__typename"] == "Conflict"
    assert demo.digest_tables() == digest_before
    unchanged = modified.astimezone(UTC).isoformat()
    for if_modified in (unchanged, datetime(2100, 1, 1, tzinfo=UTC).isoformat()):
        result = await demo.run_mutation(END_DATE_FIELD, ifModified=if_modified, **arguments)
        assert result["__typename"] == "ResourceEndDateSet"


@pytest.mark.parametrize(
    ("if_modified", "is_current"),
    [
        ("2026-01-31T12:00:00.123Z", True),
        ("2026-01-31t13:00:00.123+01:00", True),
        ("2026-01-31T12:00:00Z", True),
        ("2026-01-31T12:00:00.123456Z", True),
        ("2026-01-31T12:00:00.123456789Z", True),
        ("2026-01-31T12:00:00.123455Z", False),
        ("2026-01-31T12:00:00.1230Z", False),
        ("2026-01-31T12:00:00.122Z", False),
        ("2026-01-31T11:59:59Z", False),
    ],
)
async def test_if_modified_is_compared_at_its_precision(
    demo: MutableDemo, if_modified: str, is_current: bool
) -> None:
    uuid = (await demo.find_operable_resources("SET_RESOURCE_END_DATE"))[0]
    demo.run_sql(
        "update marketplace_resource set modified = '2026-01-31 12:00:00.123456Z' where uuid = %s",
        uuid,
    )
    arguments = {"uuid": uuid, "endDate": "2099-01-01", "ifModified": if_modified}
    result = await demo.run_mutation(END_DATE_FIELD, **arguments)
    assert result["__typename"] == ("ResourceEndDateSet" if is_current else "Conflict")


async def test_permissions_are_checked_before_if_modified(demo: MutableDemo) -> None:
    uuid = (await demo.find_operable_resources("SET_RESOURCE_END_DATE"))[0]
    arguments = {"uuid": uuid, "endDate": "2099-12-31", "ifModified": "2001-01-01T00:00:00Z"}
    result = await demo.run_mutation(END_DATE_FIELD, "support", **arguments)
    assert result["__typename"] == "NotPermitted"
    assert (await demo.run_mutation(END_DATE_FIELD, **arguments))["__typename"] == "Conflict"

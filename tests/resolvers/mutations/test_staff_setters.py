"""What staff set: slug and flags, each with a version of the resource (rules.md §1)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

CHANGED_TABLES = {
    "public.marketplace_resource",
    "public.logging_event",
    "public.logging_feed",
    "public.reversion_revision",
    "public.reversion_version",
    "gateway.marketplace_event",
}
FLAGS = {
    "paused": ("paused", "Paused"),
    "downscaled": ("downscaled", "Downscaled"),
    "restrictMemberAccess": ("restrict_member_access", "Restrict member access"),
}
"""Column and name in comments of each flag."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


async def find_resource(demo: MutableDemo, condition: str = "true") -> str:
    """Return a resource whose slug and flags staff can set."""
    return (await demo.find_operable_resources("SET_RESOURCE_SLUG", condition=condition))[0]


def load_last_change(demo: MutableDemo) -> tuple[str, str, Any]:
    """Return the comment, the user and the stored object of the newest version."""
    ((comment, username, stored),) = demo.run_sql(
        "select r.comment, u.username, v.serialized_data::jsonb -> 0 -> 'fields'"
        " from reversion_version v join reversion_revision r on r.id = v.revision_id"
        " join core_user u on u.id = r.user_id order by v.id desc limit 1"
    )
    return comment, username, stored


def load_last_message(demo: MutableDemo) -> str:
    """Return the message of the newest logged event."""
    ((message,),) = demo.run_sql("select message from logging_event order by id desc limit 1")
    return str(message)


async def test_a_slug_is_set_with_a_version_and_an_event(demo: MutableDemo) -> None:
    uuid = await find_resource(demo)
    demo.run_sql("update marketplace_resource set slug = 'old' where uuid = %s", uuid)
    before = demo.digest_tables()
    result = await demo.run_mutation("setResourceSlug", uuid=uuid, slug="New_slug-1")
    assert result["__typename"] == "ResourceUpdated"
    after = demo.digest_tables()
    assert {name for name in after if after[name] != before[name]} == CHANGED_TABLES
    comment, username, stored = load_last_change(demo)
    assert (comment, username) == ("Slug changed from 'old' to 'New_slug-1'", "staff")
    assert stored["slug"] == "New_slug-1"
    assert "'slug': from old to New_slug-1" in load_last_message(demo)
    again = await demo.run_mutation("setResourceSlug", uuid=uuid, slug="New_slug-1")
    assert again == result
    assert demo.digest_tables() == after


@pytest.mark.parametrize("slug", ["", "a b", "x" * 51, "å", "a.b", "a\n"])
async def test_invalid_slugs_are_refused(demo: MutableDemo, slug: str) -> None:
    uuid = await find_resource(demo)
    before = demo.digest_tables()
    result = await demo.run_mutation("setResourceSlug", uuid=uuid, slug=slug)
    assert (result["__typename"], result["fields"][0]["path"]) == ("InvalidInput", ["slug"])
    assert demo.digest_tables() == before


async def test_slugs_need_not_be_unique(demo: MutableDemo) -> None:
    first_uuid, second_uuid, *_ = await demo.find_operable_resources("SET_RESOURCE_SLUG")
    for uuid in (first_uuid, second_uuid):
        result = await demo.run_mutation("setResourceSlug", uuid=uuid, slug="x" * 50)
        assert result["__typename"] == "ResourceUpdated"


@pytest.mark.parametrize("flag", FLAGS)
async def test_a_flag_is_set_with_a_version_and_an_event(demo: MutableDemo, flag: str) -> None:
    column, label = FLAGS[flag]
    uuid = await find_resource(demo, f"not r.{column}")
    flags_sql = (
        "select paused, downscaled, restrict_member_access"
        " from marketplace_resource where uuid = %s"
    )
    (flags_before,) = demo.run_sql(flags_sql, uuid)
    for value in (True, False):
        before = demo.digest_tables()
        result = await demo.run_mutation("setResourceFlags", uuid=uuid, flag={flag: value})
        assert result["__typename"] == "ResourceUpdated"
        after = demo.digest_tables()
        assert {name for name in after if after[name] != before[name]} == CHANGED_TABLES
        assert load_last_change(demo)[0] == f"{label} changed from {not value} to {value}"
        assert f"'{column}': from {not value} to {value}" in load_last_message(demo)
        (flags,) = demo.run_sql(flags_sql, uuid)
        differing_columns = [
            name
            for (name, _), old, new in zip(FLAGS.values(), flags_before, flags, strict=True)
            if old != new
        ]
        assert differing_columns == ([column] if value else [])
        assert await demo.run_mutation("setResourceFlags", uuid=uuid, flag={flag: value}) == result
        assert demo.digest_tables() == after


@pytest.mark.parametrize(
    "flag", [{}, {"paused": None}, {"paused": True, "downscaled": True}, {"slug": True}]
)
async def test_exactly_one_flag_must_be_chosen(demo: MutableDemo, flag: dict[str, Any]) -> None:
    uuid = await find_resource(demo)
    document = """mutation ($input: SetResourceFlagsInput!) {
        setResourceFlags(input: $input) { __typename } }"""
    before = demo.digest_tables()
    response = await demo.client.execute_query(
        document, "staff", input={"uuid": uuid, "flag": flag}
    )
    assert response["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert demo.digest_tables() == before

"""The source of events changes while subscribers follow: none of them is left in silence."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from gateway.db.events.triggers import install_triggers, uninstall_triggers
from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.postgres import EmbeddedPostgres
from gateway.schema.framework.event_cursors import decode_event_cursor, encode_event_cursor
from gateway.subscriptions.subscriber import Subscriber
from tests.conftest import DatabaseFactory
from tests.subscriptions.follower import (
    FollowedDemo,
    decode_event,
    follow_demo,
    kinds_or_reasons,
)
from tests.support.gateway_server import create_small_demo
from tests.support.time_limits import wait_until

UPDATE_RESOURCE = (
    "update marketplace_resource set name = name || 'x', modified = now() where id = 1"
)
DISABLE_TRIGGER = "alter table marketplace_resource disable trigger gateway_update"
AFTER_DELETE = (
    "after delete on marketplace_resource for each row"
    " execute function gateway.note_marketplace_event('resource')"
)
ENABLE_TRIGGER = "alter table marketplace_resource enable trigger gateway_update"


@pytest.fixture
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a small demo whose triggers tests may change."""
    return create_small_demo(new_database())


@asynccontextmanager
async def watch_demo(
    url: str, root_url: str | None = None, **setting_values: str
) -> AsyncIterator[FollowedDemo]:
    """Serve the demo in this process; its source of events is verified every second.

    Statements are run by a connection to `root_url`, if not None.
    """
    with psycopg.connect(root_url or url, autocommit=True) as root_connection:
        async with follow_demo(url, events_watch_seconds="1", **setting_values) as followed_demo:
            if root_url is not None:
                followed_demo._connection = root_connection
            yield followed_demo


async def run_sql(demo: FollowedDemo, statement: str) -> list[Any]:
    """Run a statement in a thread: it may wait for a transaction of the gateway in this process."""
    return await asyncio.to_thread(demo.execute_sql, statement)


async def take_next(demo: FollowedDemo, follower: Subscriber, count: int = 1) -> list[str]:
    """Wait for messages of a subscriber, at least `count`; return their kinds or reasons."""
    await wait_until(lambda: len(demo._read_messages(follower)) >= count)
    return kinds_or_reasons([decode_event(each.payload) for each in demo.take_messages(follower)])


async def expect_resync(demo: FollowedDemo, kind: str | None, *followers: Subscriber) -> None:
    """Expect that another source is taken up, of which each subscriber learns once."""
    for follower in followers:
        messages: list[str] = []
        while "SOURCE_CHANGED" not in messages:
            messages += await take_next(demo, follower)
        assert messages.count("SOURCE_CHANGED") == 1
        assert messages[-1] == "SOURCE_CHANGED"
    assert demo.hub.source.source_kind == kind


async def expect_event(demo: FollowedDemo, *followers: Subscriber) -> None:
    """Expect that each subscriber receives a change."""
    await wait_until(lambda: demo.hub.source.is_attached)
    await run_sql(demo, UPDATE_RESOURCE)
    for follower in followers:
        assert await take_next(demo, follower) == ["UPDATED"]


async def change_installation(url: str, step: Callable[[psycopg.Connection[Any]], None]) -> None:
    """Install or uninstall the triggers."""

    def run_step() -> None:
        with psycopg.connect(url) as connection:
            step(connection)

    await asyncio.to_thread(run_step)


BREAKING_STATEMENTS = {
    "disabled": (DISABLE_TRIGGER, ENABLE_TRIGGER),
    "disabled for replication": (
        "alter table marketplace_resource enable replica trigger gateway_insert",
        "alter table marketplace_resource enable trigger gateway_insert",
    ),
    "all disabled": (
        "alter table marketplace_resource disable trigger all",
        "alter table marketplace_resource enable trigger all",
    ),
    "dropped": (
        "drop trigger gateway_delete on marketplace_resource",
        f"create trigger gateway_delete {AFTER_DELETE}",
    ),
    "of another version": (
        "comment on function gateway.note_marketplace_event() is 'another'",
        "comment on function gateway.note_marketplace_event() is '{version}'",
    ),
    "table moved away": (
        "alter table gateway.event_horizon rename to away",
        "alter table gateway.away rename to event_horizon",
    ),
    "schema moved away": (
        "alter schema gateway rename to away",
        "alter schema away rename to gateway",
    ),
}


@pytest.mark.parametrize("damage", BREAKING_STATEMENTS)
async def test_broken_triggers_are_replaced_by_polling_until_repaired(
    url: str, damage: str
) -> None:
    break_sql, repair_sql = BREAKING_STATEMENTS[damage]
    async with watch_demo(url) as demo:
        ((version,),) = await run_sql(
            demo,
            "select obj_description('gateway.note_marketplace_event()'::regprocedure, 'pg_proc')",
        )
        followers = [await demo.start_following(), await demo.start_following("member")]
        staff_follower = followers[0]
        await expect_event(demo, staff_follower)
        await run_sql(demo, break_sql)
        await expect_resync(demo, "poll", *followers)
        await expect_event(demo, staff_follower)
        await run_sql(demo, repair_sql.format(version=version))
        await expect_resync(demo, "triggers", *followers)
        await expect_event(demo, staff_follower)


async def test_uninstalled_triggers_are_replaced_until_they_are_installed(url: str) -> None:
    async with watch_demo(url) as demo:
        cursor, follower = demo.current_cursor(), await demo.start_following()
        await change_installation(url, uninstall_triggers)
        await expect_resync(demo, "poll", follower)
        await expect_event(demo, follower)
        await change_installation(url, install_triggers)
        await expect_resync(demo, "triggers", follower)
        await expect_event(demo, follower)
        late_follower = await demo.start_following(after=cursor)
        assert await take_next(demo, late_follower) == ["CURSOR_UNKNOWN"]
        await expect_event(demo, follower, late_follower)


@pytest.fixture
def role_url(url: str) -> Iterator[str]:
    """Yield the URL for a role that may read all but the events."""
    role = f"r{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as root:
        root.execute(f"create role {role} login".encode())
        root.execute(f"grant select on all tables in schema public to {role}".encode())
    yield url.replace("postgres@", f"{role}@")
    with psycopg.connect(url, autocommit=True) as root:
        root.execute(f"drop owned by {role}; drop role {role}".encode())


async def test_grants_that_come_and_go_change_the_source(url: str, role_url: str) -> None:
    role = psycopg.conninfo.conninfo_to_dict(role_url)["user"]
    async with watch_demo(role_url, root_url=url, provider_seconds="off") as demo:
        assert demo.hub.source.source_kind == "poll"
        follower = await demo.start_following()
        await run_sql(demo, f"grant usage on schema gateway to {role}")
        await run_sql(demo, f"grant select on all tables in schema gateway to {role}")
        await expect_resync(demo, "triggers", follower)
        await expect_event(demo, follower)
        await run_sql(demo, f"revoke select on gateway.marketplace_event from {role}")
        await expect_resync(demo, "poll", follower)
        await expect_event(demo, follower)


async def test_required_triggers_are_waited_for(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with watch_demo(url, events="triggers") as demo:
        follower = await demo.start_following()
        await run_sql(demo, DISABLE_TRIGGER)
        await expect_resync(demo, None, follower)
        assert not demo.hub.source.is_attached
        assert "disabled or missing" in (demo.hub.source.problem or "")
        assert "disabled or missing" in caplog.text
        readiness = await demo.service.report_readiness(httpx.Request("GET", "/readyz"))  # type: ignore[arg-type]
        assert (readiness.status_code, demo.hub.source.problem or "?") == (
            httpx.codes.OK,
            bytes(readiness.body).decode().splitlines()[1],
        )
        await run_sql(demo, ENABLE_TRIGGER)
        await expect_resync(demo, "triggers", follower)
        assert demo.hub.source.problem is None
        await expect_event(demo, follower)


GAPS = {
    "disabled": (DISABLE_TRIGGER, ENABLE_TRIGGER),
    **{each: BREAKING_STATEMENTS[each] for each in ("table moved away", "schema moved away")},
}


@pytest.mark.parametrize("is_noticed", [True, False])
@pytest.mark.parametrize("gap", GAPS)
async def test_a_gap_in_the_triggers_invalidates_cursors(
    url: str, gap: str, *, is_noticed: bool
) -> None:
    """Triggers wrote no events while no gateway ran, or between two verifications."""
    break_sql, repair_sql = GAPS[gap]
    async with watch_demo(url) as demo:
        cursor = demo.current_cursor()
        if is_noticed:
            follower = await demo.start_following()
            await run_sql(demo, f"{break_sql}; {UPDATE_RESOURCE}; {repair_sql}")
            await expect_resync(demo, "triggers", follower)
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (break_sql, UPDATE_RESOURCE, repair_sql):
            connection.execute(statement.encode())
    async with watch_demo(url) as demo:
        follower = await demo.start_following(after=cursor)
        assert await take_next(demo, follower) == ["CURSOR_UNKNOWN"]
        await expect_event(demo, follower)


async def test_cursors_outlive_what_leaves_no_gap(url: str) -> None:
    """A restart of the gateway, a repeated installation, and an upgrade."""
    async with watch_demo(url) as demo:
        cursor = demo.current_cursor()
    await change_installation(url, install_triggers)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(UPDATE_RESOURCE.encode())
        connection.execute("comment on function gateway.note_marketplace_event() is 'another'")
        install_triggers(connection)
        for catalogue in ("pg_trigger", "pg_class", "pg_namespace"):
            connection.execute(f"vacuum full {catalogue}".encode())
            connection.execute(f"vacuum freeze {catalogue}".encode())
        connection.execute("vacuum (freeze, analyze) gateway.marketplace_event")
        connection.execute("alter table marketplace_resource add column fresh text")
        connection.execute(UPDATE_RESOURCE.encode())
    async with watch_demo(url) as demo:
        follower = await demo.start_following(after=cursor)
        assert await take_next(demo, follower, 2) == ["UPDATED", "UPDATED"]


async def test_cursors_of_earlier_versions_require_resync(url: str) -> None:
    async with watch_demo(url) as demo:
        for kind in ("triggers", "poll"):
            cursor = encode_event_cursor(kind, demo.hub.source.position)
            assert await take_next(demo, await demo.start_following(after=cursor)) == [
                "CURSOR_UNKNOWN"
            ]


async def test_an_exchanged_database_is_noticed(
    url: str, server: EmbeddedPostgres, new_database: DatabaseFactory
) -> None:
    """The copy has the same triggers, and transactions of the same server, but another oid."""
    async with watch_demo(url) as demo:
        cursor, follower = demo.current_cursor(), await demo.start_following()
        await expect_event(demo, follower)
    name = get_database_name(url)
    copy_name = get_database_name(new_database())
    replace_database(server.url, copy_name, name)
    async with watch_demo(url) as demo:
        follower = await demo.start_following(after=cursor)
        assert await take_next(demo, follower) == ["UPDATED"]
        await asyncio.to_thread(replace_database, server.url, name, copy_name)
        demo._connection = psycopg.connect(url, autocommit=True)
        await expect_resync(demo, "triggers", follower)
        await expect_event(demo, follower)
        late_follower = await demo.start_following(after=cursor)
        assert await take_next(demo, late_follower) == ["CURSOR_UNKNOWN"]
        await asyncio.to_thread(demo._connection.close)


def get_database_name(url: str) -> str:
    """Return the name of the database of `url`."""
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


def replace_database(server_url: str, name: str, template: str) -> None:
    """Drop a database, in use or not, and create it as a copy of another one."""
    with psycopg.connect(server_url, autocommit=True) as root:
        root.execute(f"drop database {name} with (force)".encode())
        root.execute(f"create database {name} template {template}".encode())


async def test_a_subscriber_that_reads_late_is_resynced(url: str) -> None:
    """What was buffered of the previous source comes first, then the resync with a new cursor."""
    async with watch_demo(url) as demo:
        subscription, viewer = demo.parse_subscription(), await demo.load_viewer("staff")
        follower = await demo.subscription_registry.start_subscription(
            subscription, viewer, "staff", lambda _: None
        )
        await run_sql(demo, UPDATE_RESOURCE)
        await wait_until(lambda: follower.message_count == 1)
        await run_sql(demo, DISABLE_TRIGGER)
        await wait_until(lambda: demo.hub.source.source_kind == "poll")
        await run_sql(demo, UPDATE_RESOURCE)
        await wait_until(lambda: demo.hub.event_count == 2)
        first_event, resync = [decode_event(each.payload) for each in follower.take_messages(9)]
        assert kinds_or_reasons([first_event, resync]) == ["UPDATED", "SOURCE_CHANGED"]
        assert decode_event_cursor(resync["cursor"])[0] == demo.hub.source.source_name
        assert decode_event_cursor(first_event["cursor"])[0] != demo.hub.source.source_name
        await run_sql(demo, UPDATE_RESOURCE)
        await wait_until(lambda: follower.message_count == 1)
        (last_event,) = [decode_event(each.payload) for each in follower.take_messages(9)]
        assert kinds_or_reasons([last_event]) == ["UPDATED"]


async def test_polling_notices_an_exchanged_database(new_database: DatabaseFactory) -> None:
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=20, seed=1)
    async with watch_demo(url, events="poll") as demo:
        follower = await demo.start_following()
        await expect_event(demo, follower)
        await run_sql(demo, "create table copied as table marketplace_resource")
        await run_sql(demo, "alter table marketplace_resource rename to replaced")
        await run_sql(demo, "alter table copied rename to marketplace_resource")
        await expect_resync(demo, "poll", follower)
        await expect_event(demo, follower)

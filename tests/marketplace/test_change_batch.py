"""Batches of changes: refusals, failures, locks and the time limit of single changes."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import NamedTuple

import psycopg
import pytest
import pytest_asyncio

from gateway.config.settings import load_settings
from gateway.db import tables
from gateway.db.access.viewer import Viewer
from gateway.db.driver.transactions import TransactionPool
from gateway.db.sql.compiler import StatementCompiler
from gateway.demo.marketplace.fill import create_marketplace
from gateway.marketplace.change_batch import (
    CHUNK_SIZE,
    INTERRUPTED,
    NOT_BEGUN,
    Change,
    ChangeOutcome,
    run_changes,
)
from gateway.marketplace.operations.pull_resource import request_pull
from gateway.marketplace.operations.set_end_date import set_end_date
from gateway.marketplace.problems import Conflict, NotFound, raise_problem
from gateway.marketplace.rows import PullRow, ResourceRow
from gateway.marketplace.unit_of_work import ChangeResult, TransactionRunner, UnitOfWork
from gateway.server.factory import detect_installation
from tests.conftest import DatabaseFactory
from tests.support.statement_record import record_statements
from tests.support.time_limits import scale_seconds

ABSENT_UUID = "0" * 32
RESOURCES_SQL = """
select r.uuid, r.id from marketplace_resource r join marketplace_offering o on o.id = r.offering_id
where o.state <> 5 order by r.id
"""
COUNT_PULLS_SQL = "select resource_id, count(*) from gateway.pull group by 1"
FAIL_INSERTS_SQL = """
create function fail_insert() returns trigger language plpgsql as
    $$ begin raise exception 'broken'; end $$;
create trigger fail_insert before insert on gateway.pull for each row
    when (new.resource_id = {}) execute function fail_insert()
"""
COUNT_BLOCKED_SQL = """
select count(*) from pg_stat_activity where datname = current_database()
and wait_event_type = 'Lock'
"""
STAFF = Viewer(user_id=1, username="staff", is_staff=True)
CONFLICT = Conflict(message="Refused.")


class BatchScene(NamedTuple):
    """A demo marketplace, and a runner of transactions that change it."""

    service: TransactionRunner
    connection: psycopg.Connection
    url: str
    resources: list[tuple[str, int]]
    """The uuid and the key of each resource."""

    async def run_batch(
        self, changes: list[Change], give_up_at: float | None = None
    ) -> list[ChangeOutcome]:
        """Run changes as staff."""
        return await run_changes(self.service, STAFF, changes, give_up_at)

    def count_pulls(self) -> dict[int, int]:
        """Return the number of pulls by resource."""
        return dict(self.connection.execute(COUNT_PULLS_SQL).fetchall())


@pytest_asyncio.fixture(loop_scope="session")
async def scene(demo_database_url: str) -> AsyncIterator[BatchScene]:
    """Yield a scene without pulls."""
    installation = detect_installation(load_settings({"GATEWAY_DATABASE_URL": demo_database_url}))
    pool = TransactionPool(demo_database_url, statement_seconds=scale_seconds(30))
    await pool.open()
    with psycopg.connect(demo_database_url, autocommit=True) as connection:
        connection.execute("delete from gateway.pull")
        resources = [(uuid.hex, id_) for uuid, id_ in connection.execute(RESOURCES_SQL)]
        service = TransactionRunner(pool, StatementCompiler(installation))
        yield BatchScene(service, connection, demo_database_url, resources)
    await pool.close()


@pytest.fixture(scope="module")
def demo_database_url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo that the tests change."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=100, seed=1)
    return url


async def note_pull(
    unit_of_work: UnitOfWork, resource_id: int, *, is_refused: bool = False
) -> ChangeResult:
    """Insert a pull, whatever the state; then refuse the change."""
    await unit_of_work.insert_row(
        PullRow,
        resource_id=resource_id,
        requested_by_id=unit_of_work.requester_id,
        requested_at=unit_of_work.now_text,
    )
    raise_problem(CONFLICT if is_refused else None)
    return ChangeResult(resource_id)


async def lock_and_note(unit_of_work: UnitOfWork, locked_ids: list[int], id_: int) -> ChangeResult:
    """Lock resources one after the other, then insert a pull if the resource has none."""
    for locked_id in locked_ids:
        await unit_of_work.writer.lock_rows(tables.resource, locked_id)
    if await unit_of_work.load_rows(PullRow, resource_id=id_):
        raise_problem(CONFLICT)
    return await note_pull(unit_of_work, id_)


def make_pulls(scene: BatchScene, count: int = CHUNK_SIZE + 5) -> list[Change]:
    """Return changes that insert a pull for one resource each."""
    return [partial(note_pull, resource_id=id_) for _, id_ in scene.resources[:count]]


async def test_a_change_that_is_refused_after_it_has_written_is_undone_alone(
    scene: BatchScene,
) -> None:
    changes = make_pulls(scene)
    refused_id = scene.resources[3][1]
    changes[3] = partial(note_pull, resource_id=refused_id, is_refused=True)
    outcomes = await scene.run_batch(changes)
    assert outcomes[3] == CONFLICT
    pulled_ids = {id_ for _, id_ in scene.resources[: len(changes)]} - {refused_id}
    assert scene.count_pulls() == dict.fromkeys(pulled_ids, 1)
    assert {each for each in outcomes if isinstance(each, ChangeResult)} == {
        ChangeResult(id_) for id_ in pulled_ids
    }


async def test_a_change_whose_statement_fails_is_undone_alone(scene: BatchScene) -> None:
    """Others of the same chunk wait for other statements when it fails."""
    changes, failed_id = make_pulls(scene), scene.resources[3][1]
    changes[:2] = [
        partial(set_end_date, uuid=uuid, if_modified=None, end_date=None)
        for uuid, _ in scene.resources[:2]
    ]
    scene.connection.execute(FAIL_INSERTS_SQL.format(failed_id))
    try:
        outcomes = await scene.run_batch(changes)
    finally:
        scene.connection.execute("drop function fail_insert cascade")
    assert "broken" in str(outcomes[3])
    assert isinstance(outcomes[3], Exception)
    pulled_ids = {id_ for _, id_ in scene.resources[2 : len(changes)]} - {failed_id}
    assert outcomes[:2] == [ChangeResult(id_) for _, id_ in scene.resources[:2]]
    assert scene.count_pulls() == dict.fromkeys(pulled_ids, 1)


async def test_an_error_before_the_first_statement_that_writes_fails_one_change(
    scene: BatchScene,
) -> None:
    async def read_absent_row(unit_of_work: UnitOfWork) -> ChangeResult:
        await unit_of_work.load_row(ResourceRow, 10**9)
        raise AssertionError

    changes = make_pulls(scene, 5)
    changes[2] = read_absent_row
    with record_statements() as statements:
        outcomes = await scene.run_batch(changes)
    assert [str(each) for each in outcomes if isinstance(each, Exception)] == [
        "marketplace_resource has no row 1000000000."
    ]
    assert len(scene.count_pulls()) == 4
    assert len(statements) == 2


async def test_refused_changes_take_few_statements(scene: BatchScene) -> None:
    uuids = [uuid for uuid, _ in scene.resources[: CHUNK_SIZE - 1]]
    changes: list[Change] = [
        partial(set_end_date, uuid=each, if_modified="2000-01-01T00:00:00+00:00", end_date=None)
        for each in uuids
    ]
    changes.append(partial(request_pull, uuid=ABSENT_UUID, if_modified=None))
    with record_statements() as statements:
        outcomes = await scene.run_batch(changes)
    assert {type(each) for each in outcomes[:-1]} == {Conflict}
    assert isinstance(outcomes[-1], NotFound)
    assert len(statements) <= 20


async def test_changes_of_one_row_are_made_one_after_the_other(scene: BatchScene) -> None:
    """The second change of a resource sees what the first one wrote."""
    id_ = scene.resources[0][1]
    changes: list[Change] = [partial(lock_and_note, locked_ids=[id_], id_=id_)] * 3
    outcomes = await scene.run_batch(changes)
    assert outcomes == [ChangeResult(id_), CONFLICT, CONFLICT]
    assert scene.count_pulls() == {id_: 1}


async def test_changes_that_lock_rows_in_different_orders_are_made(scene: BatchScene) -> None:
    ids = [scene.resources[0][1], scene.resources[1][1]]
    changes: list[Change] = [
        partial(lock_and_note, locked_ids=ids, id_=ids[0]),
        partial(lock_and_note, locked_ids=ids[::-1], id_=ids[1]),
    ]
    assert await scene.run_batch(changes) == [ChangeResult(id_) for id_ in ids]
    assert scene.count_pulls() == dict.fromkeys(ids, 1)


async def test_nothing_is_begun_after_the_end_of_the_time(scene: BatchScene) -> None:
    with record_statements() as statements:
        outcomes = await scene.run_batch(make_pulls(scene), time.monotonic())
    assert outcomes == [NOT_BEGUN] * (CHUNK_SIZE + 5)
    assert statements == []


@pytest.mark.parametrize("runs_alone", [False, True])
async def test_a_change_that_waits_for_a_lock_ends_with_the_time(
    scene: BatchScene, runs_alone: bool
) -> None:
    """The chunk before is committed, that of the change is rolled back, those behind wait."""
    ids = [id_ for _, id_ in scene.resources]
    blocked_index, count = CHUNK_SIZE + 3, 2 * CHUNK_SIZE + 3
    changes = make_pulls(scene, count)
    changes[blocked_index] = partial(
        lock_and_note, locked_ids=[ids[blocked_index]], id_=ids[blocked_index]
    )
    if runs_alone:
        changes[CHUNK_SIZE] = partial(note_pull, resource_id=ids[CHUNK_SIZE], is_refused=True)
    with psycopg.connect(scene.url) as blocker:
        blocker.execute(
            "select from marketplace_resource where id = %s for update", [ids[blocked_index]]
        )
        outcomes = await scene.run_batch(changes, time.monotonic() + scale_seconds(1.5))
    assert outcomes[:CHUNK_SIZE] == [ChangeResult(id_) for id_ in ids[:CHUNK_SIZE]]
    if runs_alone:
        assert outcomes[CHUNK_SIZE:blocked_index] == [
            CONFLICT,
            *[ChangeResult(id_) for id_ in ids[CHUNK_SIZE + 1 : blocked_index]],
        ]
        assert outcomes[blocked_index:] == [INTERRUPTED, *[NOT_BEGUN] * (count - blocked_index - 1)]
    else:
        assert outcomes[CHUNK_SIZE:] == [INTERRUPTED] * CHUNK_SIZE + [NOT_BEGUN] * 3
    changed_ids = {each.resource_id for each in outcomes if isinstance(each, ChangeResult)}
    assert scene.count_pulls() == dict.fromkeys(changed_ids, 1)


async def test_concurrent_batches_lock_rows_in_one_order(scene: BatchScene) -> None:
    uuids = [uuid for uuid, _ in scene.resources[:CHUNK_SIZE]]

    async def end_all(ordered_uuids: list[str], end_date: str) -> list[ChangeOutcome]:
        return await scene.run_batch(
            [
                partial(set_end_date, uuid=each, if_modified=None, end_date=end_date)
                for each in ordered_uuids
            ]
        )

    for number in range(1, 6):
        batches = await asyncio.gather(
            end_all(uuids, f"2098-01-{number:02}"), end_all(uuids[::-1], f"2099-01-{number:02}")
        )
        assert all(isinstance(each, ChangeResult) for outcomes in batches for each in outcomes)

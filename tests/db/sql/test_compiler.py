"""Statements: what references lead to is joined in, and the rules stand inside."""

import psycopg
from sqlalchemy import func

from gateway.db import tables
from gateway.db.access.viewer import EVERYTHING, Sight, Viewer
from gateway.db.query_spec import At, Door, Of, Read, Seen
from gateway.loaders.read_loader import Loads
from tests.support.marketplaces import Marketplace
from tests.support.oracle import Oracle

resource = tables.resource.c
PROJECT = (resource.project_id,)
CUSTOMER = (resource.project_id, tables.project.c.customer_id)
PARENT_PROJECT = (resource.parent_id, resource.project_id)
JOINED = Read(
    tables.resource,
    (
        At(resource.uuid),
        At(tables.project.c.uuid, PROJECT),
        Seen(PROJECT),
        At(tables.customer.c.uuid, CUSTOMER),
        Seen(CUSTOMER),
        Seen((resource.offering_id,)),
        At(tables.project.c.uuid, PARENT_PROJECT),
        Of(func.upper, (At(tables.project.c.name, PROJECT),)),
    ),
)


async def test_whether_what_is_joined_in_is_seen_is_the_oracles_answer(demo: Marketplace) -> None:
    viewer = await demo.viewer("provider")
    rows = await Loads(demo.database, demo.statements, viewer).rows(JOINED, None)
    with psycopg.connect(demo.url) as connection:
        oracle = Oracle(connection, 2026)
        asker = oracle.asker("provider", "127.0.0.1")
        projects, customers = (oracle.visible(noun, asker) for noun in ("project", "customer"))
        resources = oracle.visible("resource", asker)
    assert {row[1].replace("-", "") for row in rows} == resources
    assert {row[3] for row in rows} == {False, True} or not projects
    for _, _, project, seen, customer, known, offering, _, shouted in rows:
        assert seen is (project.replace("-", "") in projects)
        assert known is (customer.replace("-", "") in customers)
        assert offering is True
        assert shouted == shouted.upper()


async def test_staff_see_all_that_is_joined_in_but_removed_projects(demo: Marketplace) -> None:
    viewer = await demo.viewer("staff")
    rows = await Loads(demo.database, demo.statements, viewer).rows(JOINED, None)
    with psycopg.connect(demo.url) as connection:
        removed = connection.execute("select uuid::text from structure_project where is_removed")
        gone = {uuid for (uuid,) in removed}
    assert len(rows) == 600
    for row in rows:
        assert row[3] is (row[2] not in gone)
        assert row[5] is True


async def test_a_reference_that_may_be_null_loses_no_row(demo: Marketplace) -> None:
    viewer = await demo.viewer("staff")
    rows = await Loads(demo.database, demo.statements, viewer).rows(JOINED, None)
    assert {row[7] is None for row in rows} == {True, False}


async def test_what_an_older_marketplace_lacks_is_null_wherever_it_stands(
    waldur: Marketplace,
) -> None:
    grace = tables.customer.c.grace_period_days
    read = Read(
        tables.resource,
        (At(resource.last_sync), At(grace, CUSTOMER), At(tables.partition.c.qos)),
        where=(lambda _: resource.last_sync.is_(None),),
    )
    viewer = await waldur.viewer("staff")
    rows = await Loads(waldur.database, waldur.statements, viewer).rows(read, None)
    assert len(rows) == 600
    assert {row[1:] for row in rows} == {(None, None, None)}


def test_the_text_of_a_statement_does_not_depend_on_who_asks(demo: Marketplace) -> None:
    made = demo.statements.of(JOINED, Sight())
    assert made is demo.statements.of(JOINED, Sight())
    assert made is not None
    assert "consumer_projects" in made.parameters
    everything = demo.statements.of(JOINED, EVERYTHING)
    assert everything is not None
    assert everything.parameters == ()


def test_what_a_viewer_has_no_ids_of_is_not_looked_for(demo: Marketplace) -> None:
    member = Viewer(user_id=1, consumer_projects=frozenset({1}))
    read = Read(tables.resource, (At(resource.name),))
    made = demo.statements.of(read, member.sight)
    assert made is not None
    assert made.parameters == ("consumer_projects",)
    assert member.sight == Viewer(user_id=2, consumer_projects=frozenset({2})).sight
    assert demo.statements.of(read, Viewer().sight).parameters == ()  # type: ignore[union-attr]
    assert Viewer(staff=True).sight == Viewer(support=True).sight == EVERYTHING


def test_parts_that_are_asked_for_from_a_root_go_through_their_owners_rule(
    demo: Marketplace,
) -> None:
    component = tables.component
    read = Read(component, (At(component.c.name),), Door.VISIBLE, At(component.c.uuid))
    made = demo.statements.of(read, Sight())
    assert made is not None
    assert "own_offerings" in made.parameters

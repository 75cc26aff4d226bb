"""Version history of resources compared with the stored versions; visible to staff and support."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.support.gateway_server import serve_in_process
from tests.support.marketplaces import Marketplace, open_marketplace
from tests.support.personal_tokens import ENABLE_SQL, create_token, post_with_token

ENTRY_FIELDS = "at comment user { username email } data"
HISTORIES_QUERY = f"""{{ resources(first: 300) {{ nodes {{ uuid
    history(first: 300) {{ totalCount nodes {{ {ENTRY_FIELDS} }} }}
}} }} }}"""
HISTORY_QUERY = """query($uuid: UUID!, $filter: HistoryEntryFilter, $order: HistoryEntryOrder) {
    resource(uuid: $uuid) { history(filter: $filter, orderBy: $order) { totalCount nodes { at } } }
}"""
HISTORY_AT_QUERY = (
    "query($uuid: UUID!, $at: DateTime!) { resource(uuid: $uuid) { historyAt(at: $at) { %s } } }"
)
VERSIONS_SQL = """
select replace(r.uuid::text, '-', ''), e.date_created, e.comment, u.username, u.email,
    v.serialized_data::json -> 0 -> 'fields'
from reversion_version v join reversion_revision e on e.id = v.revision_id
join django_content_type t on t.id = v.content_type_id
    and (t.app_label, t.model) = ('marketplace', 'resource')
join marketplace_resource r on r.id = v.object_id::integer
left join core_user u on u.id = e.user_id
order by e.date_created desc, v.id desc
"""
VIEWERS_WITHOUT_HISTORY = (
    "owner",
    "manager",
    "member",
    "provider",
    "service_manager",
    "dual",
    "nobody",
    None,
)


def parse_time(text: str) -> datetime:
    """Return the time that an RFC 3339 text stands for."""
    return datetime.fromisoformat(text)


@pytest.fixture(scope="module")
def versions_by_resource(demo: Marketplace) -> dict[str, list[tuple[Any, ...]]]:
    """Return the stored versions of each resource that has any, newest first."""
    versions: dict[str, list[tuple[Any, ...]]] = {}
    with psycopg.connect(demo.url) as connection:
        for uuid, *version in connection.execute(VERSIONS_SQL):
            versions.setdefault(uuid, []).append(tuple(version))
    assert len(versions) > 100
    return versions


@pytest.fixture(scope="module")
def changed_resource(
    versions_by_resource: dict[str, list[tuple[Any, ...]]],
) -> tuple[str, list[datetime]]:
    """Return the uuid of a resource and the times of its versions, newest first."""
    uuid, versions = next(iter(versions_by_resource.items()))
    return uuid, [at for at, *_ in versions]


@pytest.mark.parametrize("viewer", ["staff", "support"])
async def test_staff_and_support_see_all_versions(
    demo: Marketplace, versions_by_resource: dict[str, list[tuple[Any, ...]]], viewer: str
) -> None:
    rows = (await demo.fetch_data(HISTORIES_QUERY, viewer))["resources"]["nodes"]
    for row in rows:
        versions, history = versions_by_resource.get(row["uuid"], []), row["history"]
        assert history["totalCount"] == len(history["nodes"]) == len(versions)
        for entry, (created, comment, username, email, fields) in zip(
            history["nodes"], versions, strict=True
        ):
            assert (parse_time(entry["at"]), entry["comment"]) == (created, comment)
            assert entry["user"] == (username and {"username": username, "email": email})
            assert entry["data"] == {**fields, "attributes": {"name": fields["attributes"]["name"]}}
    entries = [each for row in rows for each in row["history"]["nodes"]]
    assert len(entries) > 100
    assert {each["user"] is None for each in entries} == {True, False}


async def test_secrets_of_versions_are_not_published(demo: Marketplace) -> None:
    for viewer in ("staff", "support"):
        assert "secret" not in json.dumps(await demo.fetch_data(HISTORIES_QUERY, viewer))


@pytest.mark.parametrize("viewer", VIEWERS_WITHOUT_HISTORY)
async def test_other_viewers_get_an_empty_history(demo: Marketplace, viewer: str | None) -> None:
    data = await demo.fetch_data(
        """{ resources(first: 300) { nodes { name
            history { totalCount nodes { at } edges { cursor } pageInfo { hasNextPage endCursor } }
            last: history(last: 1, orderBy: AT_ASC, filter: { not: { createdAfter: "2100-01-01" } })
                { totalCount nodes { data } }
            historyAt(at: "2100-01-01T00:00:00Z") { at comment data user { uuid } }
        } } }""",
        viewer,
    )
    page = {"hasNextPage": False, "endCursor": None}
    for row in data["resources"]["nodes"]:
        assert row["history"] == {"totalCount": 0, "nodes": [], "edges": [], "pageInfo": page}
        assert row["last"] == {"totalCount": 0, "nodes": []}
        assert row["historyAt"] is None


async def test_cursors_of_staff_give_other_viewers_nothing(
    demo: Marketplace, changed_resource: tuple[str, list[datetime]]
) -> None:
    query = """query($uuid: UUID!, $after: String) { resource(uuid: $uuid) { name
        history(first: 1, after: $after) { nodes { at } pageInfo { endCursor hasNextPage } }
    } }"""
    page = (await demo.fetch_data(query, uuid=changed_resource[0]))["resource"]["history"]
    after = page["pageInfo"]["endCursor"]
    history = (await demo.fetch_data(query, uuid=changed_resource[0], after=after))["resource"][
        "history"
    ]
    assert [parse_time(each["at"]) for each in history["nodes"]] == changed_resource[1][1:2]
    with psycopg.connect(demo.url) as connection:
        owners = connection.execute(
            """select u.username from core_user u join permissions_userrole g on g.user_id = u.id
            join django_content_type t on t.id = g.content_type_id and t.model = 'project'
            join marketplace_resource r on r.project_id = g.object_id
            where r.uuid = %s and g.is_active and u.is_active and not u.is_staff""",
            [changed_resource[0]],
        ).fetchall()
    responses = [
        await demo.fetch_data(query, name, uuid=changed_resource[0], after=after)
        for (name,) in owners
    ]
    visible_resources = [each["resource"] for each in responses if each["resource"]]
    assert visible_resources
    assert all(each["history"]["nodes"] == [] for each in visible_resources)


async def test_history_is_filtered_by_time(
    demo: Marketplace, changed_resource: tuple[str, list[datetime]]
) -> None:
    uuid, (newest, middle, oldest) = changed_resource
    microsecond = timedelta(microseconds=1)
    for filter_input, expected in (
        ({"createdAfter": middle.isoformat()}, [newest, middle]),
        ({"createdAfter": (middle + microsecond).isoformat()}, [newest]),
        ({"createdBefore": middle.isoformat()}, [middle, oldest]),
        ({"createdBefore": (middle - microsecond).isoformat()}, [oldest]),
        ({"createdAfter": (newest + microsecond).isoformat()}, []),
        ({"createdAfter": middle.isoformat(), "createdBefore": middle.isoformat()}, [middle]),
    ):
        history = (await demo.fetch_data(HISTORY_QUERY, uuid=uuid, filter=filter_input))[
            "resource"
        ]["history"]
        assert [parse_time(each["at"]) for each in history["nodes"]] == expected
        assert history["totalCount"] == len(expected)


async def test_history_is_sorted_ascending(
    demo: Marketplace, changed_resource: tuple[str, list[datetime]]
) -> None:
    nodes = (await demo.fetch_data(HISTORY_QUERY, uuid=changed_resource[0], order="AT_ASC"))[
        "resource"
    ]["history"]["nodes"]
    assert [parse_time(each["at"]) for each in nodes] == changed_resource[1][::-1]


async def test_history_at_returns_the_version_in_force(
    demo: Marketplace, changed_resource: tuple[str, list[datetime]]
) -> None:
    uuid, (newest, middle, oldest) = changed_resource
    microsecond, entry = timedelta(microseconds=1), None
    for requested_at, expected in (
        (oldest - microsecond, None),
        (oldest, oldest),
        (middle - microsecond, oldest),
        (middle, middle),
        (newest - microsecond, middle),
        (newest + timedelta(days=9000), newest),
    ):
        data = await demo.fetch_data(
            HISTORY_AT_QUERY % "at data", uuid=uuid, at=requested_at.isoformat()
        )
        entry = data["resource"]["historyAt"]
        assert (entry and parse_time(entry["at"])) == expected
    assert entry
    name = entry["data"]["name"]
    oldest_data = await demo.fetch_data(HISTORY_AT_QUERY % "data", uuid=uuid, at=oldest.isoformat())
    assert oldest_data["resource"]["historyAt"]["data"]["name"] == f"{name}-draft"


@pytest.mark.parametrize("at", ['"then"', "null", "7", '"2026-13-01T00:00:00Z"'])
async def test_invalid_times_are_refused(demo: Marketplace, at: str) -> None:
    query = f"{{ resources(first: 1) {{ nodes {{ historyAt(at: {at}) {{ at }} }} }} }}"
    error = await demo.fetch_error(query)
    assert error["extensions"]["code"] in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")
    assert "DateTime" in error["message"]


async def test_history_at_requires_a_time(demo: Marketplace) -> None:
    error = await demo.fetch_error("{ resources(first: 1) { nodes { historyAt { at } } } }")
    assert "at" in error["message"]
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_a_marketplace_without_versions_has_no_history(waldur: Marketplace) -> None:
    data = await waldur.fetch_data(
        """{ resources(first: 300) { nodes {
            history { totalCount nodes { data } } historyAt(at: "2100-01-01T00:00:00Z") { data }
        } } }"""
    )
    rows = data["resources"]["nodes"]
    assert len(rows) == 300
    empty_history = {"history": {"totalCount": 0, "nodes": []}, "historyAt": None}
    assert all(row == empty_history for row in rows)


ODD_VERSIONS = (
    "",
    "no JSON",
    "[]",
    '[{"fields": 7}]',
    '[{"fields": {"name": "odd", "attributes": "{\\"user_password\\": \\"secret\\"}"}}]',
    '[{"fields": {"name": "odd", "secret_options": {"token": "secret"}}}]',
)


@pytest_asyncio.fixture(scope="module")
async def odd_marketplace(new_database: DatabaseFactory) -> AsyncIterator[Marketplace]:
    """Yield a marketplace whose first resource has malformed versions."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=3, seed=1)
        connection.execute("update reversion_version set db = 'other' where object_id = '2'")
        connection.execute("delete from reversion_version where object_id = '1'")
        for days, serialized in enumerate(ODD_VERSIONS):
            connection.execute(
                """with e as (insert into reversion_revision (date_created, comment)
                    values (now() - %s * interval '1 day', 'odd') returning id)
                insert into reversion_version (revision_id, content_type_id, object_id, format,
                    serialized_data, object_repr, db)
                select e.id, t.id, name, 'json', %s, 'odd', 'default' from e
                cross join django_content_type t cross join unnest(array['1', 'not a key']) name
                where t.model = 'resource'""",
                [days, serialized],
            )
    async with open_marketplace(url) as marketplace:
        yield marketplace


async def test_malformed_versions_have_no_data(odd_marketplace: Marketplace) -> None:
    response = await odd_marketplace.fetch_data(
        """{ resources { nodes { history { totalCount nodes { comment data } }
            historyAt(at: "2100-01-01T00:00:00Z") { comment data } } } }"""
    )
    first, second, third = response["resources"]["nodes"]
    data = [each["data"] for each in first["history"]["nodes"]]
    assert data == [None] * 4 + [{"name": "odd", "attributes": {}}, {"name": "odd"}]
    assert first["historyAt"] == {"comment": "odd", "data": None}
    assert [each["history"]["totalCount"] for each in (second, third)] == [0, 3]


async def test_histories_need_a_scope_of_a_personal_access_token(
    new_database: DatabaseFactory,
) -> None:
    """REST checks the role of staff and support for them, as for an operation (rules.md §2)."""
    url, counts = new_database(), {}
    query = """{ resources(first: 30) { nodes {
        history(first: 2) { totalCount nodes { at } } historyAt(at: "2090-01-01T00:00:00Z") { at }
    } } }"""
    with psycopg.connect(url, autocommit=True) as connection:
        create_marketplace(connection, resource_count=30, seed=1)
        connection.execute(ENABLE_SQL)
        async with serve_in_process(url) as client:
            for username in ("staff", "support", "owner"):
                for scope in ("STAFF.ACCESS", "SUPPORT.ACCESS", "RESOURCE.UPDATE"):
                    token = create_token(connection, username, [scope])
                    body = (await post_with_token(client, token, query)).json()
                    nodes = body["data"]["resources"]["nodes"]
                    assert nodes
                    counts[username, scope] = sum(
                        each["history"]["totalCount"]
                        + len(each["history"]["nodes"])
                        + (each["historyAt"] is not None)
                        for each in nodes
                    )
    assert {key for key, count in counts.items() if count} == {
        ("staff", "STAFF.ACCESS"),
        ("support", "STAFF.ACCESS"),
        ("support", "SUPPORT.ACCESS"),
    }

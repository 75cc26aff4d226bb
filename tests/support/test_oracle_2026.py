"""The oracle keeps the rules of 2026, and the catalogue's conditions."""

import json

import psycopg
import pytest

from tests.support.oracle import Oracle

MEMBER = "project_member_c0"
OUTSIDER = "nobody"


@pytest.fixture
def oracle(connection: psycopg.Connection) -> Oracle:
    """Give the rules of October 2024."""
    return Oracle(connection, 2024)


@pytest.fixture
def newer(connection: psycopg.Connection) -> Oracle:
    """Give the rules of 2026, under which project members list resources and projects."""
    connection.execute("""
        insert into permissions_rolepermission (permission, role_id)
        select permission, id from permissions_role
        cross join unnest(array['RESOURCE.LIST', 'PROJECT.LIST']) permission
        where name = 'PROJECT.MEMBER'
    """)
    return Oracle(connection, 2026)


def give_role(
    connection: psycopg.Connection, username: str, role: str, model: str, object_id: int
) -> None:
    app = "structure" if model in {"customer", "project"} else "marketplace"
    connection.execute(
        """
        insert into permissions_userrole
            (uuid, created, is_active, object_id, user_id, role_id, content_type_id)
        select gen_random_uuid(), now(), true, %s, u.id, r.id, t.id
        from core_user u, permissions_role r, django_content_type t
        where (username, r.name, app_label, model) = (%s, %s, %s, %s)
        """,
        [object_id, username, role, app, model],
    )


def set_setting(connection: psycopg.Connection, key: str, stored: str) -> None:
    connection.execute("insert into constance_config (key, value) values (%s, %s)", [key, stored])


def uuids(connection: psycopg.Connection, table: str, condition: str) -> set[str]:
    found = connection.execute(f"select uuid from {table} where {condition}")
    return {row[0].hex for row in found}


@pytest.mark.parametrize(
    ("noun", "permission"),
    [("resource_as_consumer", "RESOURCE.LIST"), ("project", "PROJECT.LIST")],
)
def test_lists_in_2026_by_permission_of_an_active_role(
    connection: psycopg.Connection, newer: Oracle, noun: str, permission: str
) -> None:
    assert newer.visible(noun, newer.asker(MEMBER))
    assert not newer.visible(noun, newer.asker("project_admin_c0"))
    connection.execute(
        "update permissions_rolepermission set role_id = 4 where permission = %s", [permission]
    )
    assert not newer.visible(noun, newer.asker(MEMBER))
    assert newer.visible(noun, newer.asker("project_admin_c0"))
    connection.execute("update permissions_role set is_active = false")
    assert not newer.visible(noun, newer.asker("project_admin_c0"))


@pytest.mark.parametrize("noun", ["resource_as_consumer", "project", "customer"])
def test_follows_a_role_on_a_resource_in_2026_only(
    connection: psycopg.Connection, newer: Oracle, oracle: Oracle, noun: str
) -> None:
    give_role(connection, OUTSIDER, "PROJECT.ADMIN", "resource", 601)
    outsider = oracle.asker(OUTSIDER)
    assert len(newer.visible(noun, outsider)) == 1
    assert not oracle.visible(noun, outsider)


def test_follows_a_role_on_a_sub_project_that_is_not_removed(
    connection: psycopg.Connection, newer: Oracle
) -> None:
    connection.execute("""
        create table marketplace_resourceproject as
        select 1 as id, 601 as resource_id, false as is_removed union all select 2, 602, true;
        insert into django_content_type (app_label, model)
        values ('marketplace', 'resourceproject')
    """)
    for sub_project in (1, 2):
        give_role(connection, OUTSIDER, "PROJECT.ADMIN", "resourceproject", sub_project)
    found = newer.visible("resource", newer.asker(OUTSIDER))
    assert found == uuids(connection, "marketplace_resource", "id = 601")


@pytest.mark.parametrize(
    ("model", "row", "noun"),
    [
        ("offering", 31, "resource_as_provider"),
        ("serviceprovider", 4, "resource_as_provider"),
        ("serviceprovider", 4, "customer"),
    ],
)
def test_follows_a_role_of_the_provider_in_2026_only(
    connection: psycopg.Connection, newer: Oracle, oracle: Oracle, model: str, row: int, noun: str
) -> None:
    give_role(connection, OUTSIDER, "OFFERING.MANAGER", model, row)
    outsider = oracle.asker(OUTSIDER)
    assert newer.visible(noun, outsider)
    assert not oracle.visible(noun, outsider)


def test_shows_a_private_draft_offering_to_its_manager_and_its_provider(
    connection: psycopg.Connection, oracle: Oracle
) -> None:
    give_role(connection, OUTSIDER, "OFFERING.MANAGER", "offering", 39)
    draft = uuids(connection, "marketplace_offering", "id = 39")
    assert draft <= oracle.visible("offering", oracle.asker(OUTSIDER))
    assert draft <= oracle.visible("offering", oracle.asker("provider_b_owner"))
    assert not draft & oracle.visible("offering", oracle.asker(MEMBER))


@pytest.mark.parametrize(
    ("mode", "username", "count"),
    [
        ("show_all", OUTSIDER, 13),
        ("hide_inaccessible", OUTSIDER, 12),
        ("hide_inaccessible", "owner_c", 13),
        ("require_membership", OUTSIDER, 0),
        ("require_membership", "owner_c", 13),
    ],
)
def test_narrows_the_catalogue_by_its_mode(
    connection: psycopg.Connection, newer: Oracle, mode: str, username: str, count: int
) -> None:
    set_setting(connection, "RESTRICTED_OFFERING_VISIBILITY_MODE", json.dumps(mode))
    found = newer.visible("offering", newer.asker(username))
    assert len(found & uuids(connection, "marketplace_offering", "shared")) == count


def test_asks_a_child_offering_for_an_accessible_plan_of_its_parent(
    connection: psycopg.Connection, newer: Oracle
) -> None:
    set_setting(connection, "RESTRICTED_OFFERING_VISIBILITY_MODE", '"hide_inaccessible"')
    connection.execute("update marketplace_offering set shared = true where id = 23")
    child = uuids(connection, "marketplace_offering", "id = 23")
    assert child <= newer.visible("offering", newer.asker(OUTSIDER))
    connection.execute("update marketplace_plan set archived = true where offering_id = 21")
    assert not child & newer.visible("offering", newer.asker(OUTSIDER))


@pytest.mark.parametrize(
    ("username", "seen"),
    [
        ("project_manager_c0", True),  # has the role
        (MEMBER, True),  # lists a resource of it
        ("project_admin_c0", False),
        (OUTSIDER, False),
    ],
)
def test_restricts_offerings_to_roles_in_2026_only(
    connection: psycopg.Connection, newer: Oracle, oracle: Oracle, username: str, *, seen: bool
) -> None:
    connection.execute(
        "update marketplace_offering set plugin_options = %s where id = 31",
        [json.dumps({"restricted_to_roles": ["PROJECT.MANAGER"]})],
    )
    restricted = uuids(connection, "marketplace_offering", "id = 31")
    viewer = oracle.asker(username)
    assert (restricted <= newer.visible("offering", viewer)) == seen
    assert restricted <= oracle.visible("offering", viewer)

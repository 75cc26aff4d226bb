"""The oracle follows the rules of 2026 and the restrictions of the catalogue."""

import json

import psycopg
import pytest

from tests.support.oracle import Oracle

MEMBER = "project_member_c0"
OUTSIDER = "nobody"


@pytest.fixture
def oracle_2024(connection: psycopg.Connection) -> Oracle:
    """Return the oracle with the rules of October 2024."""
    return Oracle(connection, 2024)


@pytest.fixture
def oracle_2026(connection: psycopg.Connection) -> Oracle:
    """Return the oracle of 2026, with permissions for members to list resources and projects."""
    connection.execute("""
        insert into permissions_rolepermission (permission, role_id)
        select permission, id from permissions_role
        cross join unnest(array['RESOURCE.LIST', 'PROJECT.LIST']) permission
        where name = 'PROJECT.MEMBER'
    """)
    return Oracle(connection, 2026)


def grant_role(
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


def _insert_setting(connection: psycopg.Connection, key: str, stored: str) -> None:
    connection.execute("insert into constance_config (key, value) values (%s, %s)", [key, stored])


def _select_uuids(connection: psycopg.Connection, table: str, condition: str) -> set[str]:
    rows = connection.execute(f"select uuid from {table} where {condition}")
    return {row[0].hex for row in rows}


@pytest.mark.parametrize(
    ("noun", "permission"),
    [("resource_as_consumer", "RESOURCE.LIST"), ("project", "PROJECT.LIST")],
)
def test_rows_are_visible_by_permission_of_an_active_role_in_2026(
    connection: psycopg.Connection, oracle_2026: Oracle, noun: str, permission: str
) -> None:
    assert oracle_2026.visible_uuids(noun, oracle_2026.find_viewer(MEMBER))
    assert not oracle_2026.visible_uuids(noun, oracle_2026.find_viewer("project_admin_c0"))
    connection.execute(
        "update permissions_rolepermission set role_id = 4 where permission = %s", [permission]
    )
    assert not oracle_2026.visible_uuids(noun, oracle_2026.find_viewer(MEMBER))
    assert oracle_2026.visible_uuids(noun, oracle_2026.find_viewer("project_admin_c0"))
    connection.execute("update permissions_role set is_active = false")
    assert not oracle_2026.visible_uuids(noun, oracle_2026.find_viewer("project_admin_c0"))


@pytest.mark.parametrize("noun", ["resource_as_consumer", "project", "customer"])
def test_a_role_on_a_resource_counts_in_2026_only(
    connection: psycopg.Connection, oracle_2026: Oracle, oracle_2024: Oracle, noun: str
) -> None:
    grant_role(connection, OUTSIDER, "PROJECT.ADMIN", "resource", 601)
    outsider = oracle_2024.find_viewer(OUTSIDER)
    assert len(oracle_2026.visible_uuids(noun, outsider)) == 1
    assert not oracle_2024.visible_uuids(noun, outsider)


def test_a_role_on_a_removed_sub_project_does_not_count(
    connection: psycopg.Connection, oracle_2026: Oracle
) -> None:
    connection.execute("""
        create table marketplace_resourceproject as
        select 1 as id, 601 as resource_id, false as is_removed union all select 2, 602, true;
        insert into django_content_type (app_label, model)
        values ('marketplace', 'resourceproject')
    """)
    for sub_project in (1, 2):
        grant_role(connection, OUTSIDER, "PROJECT.ADMIN", "resourceproject", sub_project)
    visible = oracle_2026.visible_uuids("resource", oracle_2026.find_viewer(OUTSIDER))
    assert visible == _select_uuids(connection, "marketplace_resource", "id = 601")


@pytest.mark.parametrize(
    ("model", "row", "noun"),
    [
        ("offering", 31, "resource_as_provider"),
        ("serviceprovider", 4, "resource_as_provider"),
        ("serviceprovider", 4, "customer"),
    ],
)
def test_a_role_on_an_offering_or_provider_counts_in_2026_only(
    connection: psycopg.Connection,
    oracle_2026: Oracle,
    oracle_2024: Oracle,
    model: str,
    row: int,
    noun: str,
) -> None:
    grant_role(connection, OUTSIDER, "OFFERING.MANAGER", model, row)
    outsider = oracle_2024.find_viewer(OUTSIDER)
    assert oracle_2026.visible_uuids(noun, outsider)
    assert not oracle_2024.visible_uuids(noun, outsider)


def test_a_private_draft_is_visible_to_its_manager_and_provider(
    connection: psycopg.Connection, oracle_2024: Oracle
) -> None:
    grant_role(connection, OUTSIDER, "OFFERING.MANAGER", "offering", 39)
    draft = _select_uuids(connection, "marketplace_offering", "id = 39")
    assert draft <= oracle_2024.visible_uuids("offering", oracle_2024.find_viewer(OUTSIDER))
    assert draft <= oracle_2024.visible_uuids(
        "offering", oracle_2024.find_viewer("provider_b_owner")
    )
    assert not draft & oracle_2024.visible_uuids("offering", oracle_2024.find_viewer(MEMBER))


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
def test_the_visibility_mode_restricts_the_catalogue(
    connection: psycopg.Connection, oracle_2026: Oracle, mode: str, username: str, count: int
) -> None:
    _insert_setting(connection, "RESTRICTED_OFFERING_VISIBILITY_MODE", json.dumps(mode))
    visible = oracle_2026.visible_uuids("offering", oracle_2026.find_viewer(username))
    assert len(visible & _select_uuids(connection, "marketplace_offering", "shared")) == count


def test_a_child_offering_needs_an_accessible_plan_of_its_parent(
    connection: psycopg.Connection, oracle_2026: Oracle
) -> None:
    _insert_setting(connection, "RESTRICTED_OFFERING_VISIBILITY_MODE", '"hide_inaccessible"')
    connection.execute("update marketplace_offering set shared = true where id = 23")
    child = _select_uuids(connection, "marketplace_offering", "id = 23")
    assert child <= oracle_2026.visible_uuids("offering", oracle_2026.find_viewer(OUTSIDER))
    connection.execute("update marketplace_plan set archived = true where offering_id = 21")
    assert not child & oracle_2026.visible_uuids("offering", oracle_2026.find_viewer(OUTSIDER))


@pytest.mark.parametrize(
    ("username", "is_visible"),
    [
        ("project_manager_c0", True),  # has the role
        (MEMBER, True),  # lists a resource of it
        ("project_admin_c0", False),
        (OUTSIDER, False),
    ],
)
def test_offerings_are_restricted_to_roles_in_2026_only(
    connection: psycopg.Connection,
    oracle_2026: Oracle,
    oracle_2024: Oracle,
    username: str,
    *,
    is_visible: bool,
) -> None:
    connection.execute(
        "update marketplace_offering set plugin_options = %s where id = 31",
        [json.dumps({"restricted_to_roles": ["PROJECT.MANAGER"]})],
    )
    restricted = _select_uuids(connection, "marketplace_offering", "id = 31")
    viewer = oracle_2024.find_viewer(username)
    assert (restricted <= oracle_2026.visible_uuids("offering", viewer)) == is_visible
    assert restricted <= oracle_2024.visible_uuids("offering", viewer)

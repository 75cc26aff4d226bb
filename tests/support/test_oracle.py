"""The oracle matches recorded responses of the October 2024 Waldur, and its documented rules."""

import json
import pickle
import re
from base64 import b64encode

import psycopg
import pytest

from tests.support.oracle import NOUNS, Oracle, OracleViewer, decode_setting
from tests.support.project_paths import WALDUR_FILES

REST_RESPONSES = WALDUR_FILES / "rest"
RESPONSE_INDEX = (REST_RESPONSES / "INDEX.txt").read_text(encoding="utf-8")
NOUNS_BY_ENDPOINT = {
    "marketplace-resources": "resource_as_consumer",
    "marketplace-provider-resources": "resource_as_provider",
    "marketplace-provider-offerings": "offering",
    "marketplace-public-offerings": "offering",
    "marketplace-categories": "category",
    "marketplace-plans": "plan",
    "projects": "project",
    "customers": "customer",
}
LIST_RESPONSES = re.findall(
    r" 200 n=\d+ +total=(\d+) +(\w+) +/api/([\w-]+)/\?page_size=50\n", RESPONSE_INDEX
)
DETAIL_RESPONSES = re.findall(
    r" GET +(200|404) .* (\w+) +/api/([\w-]+)/([0-9a-f]{32})/\s", RESPONSE_INDEX
)
MEMBER = "project_member_c0"
OUTSIDER = "nobody"


@pytest.fixture
def oracle(connection: psycopg.Connection) -> Oracle:
    """Return the oracle with the rules of October 2024."""
    return Oracle(connection, 2024)


def load_response_uuids(name: str) -> set[str]:
    body = json.loads((REST_RESPONSES / f"{name}.json").read_text(encoding="utf-8"))["body"]
    return {row["uuid"] for row in body}


def _insert_setting(connection: psycopg.Connection, key: str, stored: str) -> None:
    connection.execute("insert into constance_config (key, value) values (%s, %s)", [key, stored])


def _select_uuids(connection: psycopg.Connection, table: str, condition: str) -> set[str]:
    rows = connection.execute(f"select uuid from {table} where {condition}")
    return {row[0].hex for row in rows}


@pytest.mark.parametrize(("total", "username", "endpoint"), LIST_RESPONSES)
def test_list_totals_match_waldur(oracle: Oracle, total: str, username: str, endpoint: str) -> None:
    visible = oracle.visible_uuids(NOUNS_BY_ENDPOINT[endpoint], oracle.find_viewer(username))
    assert len(visible) == int(total)


@pytest.mark.parametrize(("status", "username", "endpoint", "uuid"), DETAIL_RESPONSES)
def test_detail_responses_match_waldur(
    oracle: Oracle,
    status: str,
    username: str,
    endpoint: str,
    uuid: str,
) -> None:
    visible = oracle.visible_uuids(NOUNS_BY_ENDPOINT[endpoint], oracle.find_viewer(username))
    assert (uuid in visible) == (status == "200")


@pytest.mark.parametrize(
    ("response", "username", "noun"),
    [
        ("list_project_member_c0", MEMBER, "resource_as_consumer"),
        ("provider_list_provider_a_owner", "provider_a_owner", "resource_as_provider"),
    ],
)
def test_list_pages_match_waldur(oracle: Oracle, response: str, username: str, noun: str) -> None:
    visible = oracle.visible_uuids(noun, oracle.find_viewer(username))
    assert load_response_uuids(response) < visible
    assert visible <= oracle.visible_uuids("resource", oracle.find_viewer(username))


def test_catalogue_and_plans_match_waldur(oracle: Oracle) -> None:
    offerings = json.loads((REST_RESPONSES / "public_offerings_member.json").read_text())["body"]
    plans = {plan["uuid"] for offering in offerings for plan in offering["plans"]}
    member = oracle.find_viewer(MEMBER)
    assert oracle.visible_uuids("offering", member) == load_response_uuids(
        "public_offerings_member"
    )
    assert oracle.visible_uuids("plan", member) == plans


@pytest.mark.parametrize("noun", NOUNS)
def test_inactive_users_see_nothing(oracle: Oracle, noun: str) -> None:
    assert oracle.visible_uuids(noun, oracle.find_viewer("inactive_user")) == set()


@pytest.mark.parametrize(("username", "count"), [("staff", 40), ("support", 40), (MEMBER, 1)])
def test_only_staff_and_support_see_other_users(oracle: Oracle, username: str, count: int) -> None:
    assert len(oracle.visible_uuids("user", oracle.find_viewer(username))) == count


@pytest.mark.parametrize(
    ("noun", "count"), [("offering", 13), ("category", 5), ("resource", 0), ("user", 0)]
)
def test_anonymous_users_see_only_the_catalogue(oracle: Oracle, noun: str, count: int) -> None:
    assert len(oracle.visible_uuids(noun, OracleViewer(None))) == count


@pytest.mark.parametrize(
    ("key", "hidden_nouns"),
    [
        (
            "ANONYMOUS_USER_CAN_VIEW_OFFERINGS",
            {"offering", "component", "plan", "category", "offeringrole"},
        ),
        ("ANONYMOUS_USER_CAN_VIEW_PLANS", {"plan"}),
    ],
)
def test_settings_hide_the_catalogue_from_anonymous_users(
    connection: psycopg.Connection, oracle: Oracle, key: str, hidden_nouns: set[str]
) -> None:
    visible_nouns = {noun for noun in NOUNS if oracle.visible_uuids(noun, OracleViewer(None))}
    _insert_setting(connection, key, b64encode(pickle.dumps(obj=False, protocol=2)).decode())
    assert {
        noun for noun in NOUNS if oracle.visible_uuids(noun, OracleViewer(None))
    } == visible_nouns - hidden_nouns


@pytest.mark.parametrize("username", [None, OUTSIDER, "owner_f"])
def test_plans_with_a_group_are_visible_to_its_customers_only(
    connection: psycopg.Connection, oracle: Oracle, username: str | None
) -> None:
    other_viewer = oracle.find_viewer(username) if username else OracleViewer(None)
    restricted = _select_uuids(connection, "marketplace_plan", "id = 72")
    assert restricted <= oracle.visible_uuids("plan", oracle.find_viewer(MEMBER))
    assert not restricted & oracle.visible_uuids("plan", other_viewer)


def test_a_customer_can_have_many_groups_where_the_table_exists(
    connection: psycopg.Connection, oracle: Oracle
) -> None:
    connection.execute("""
        create table structure_customer_organization_groups as
        select 12 as customer_id, unnest(array[5, 6]) as organizationgroup_id
    """)
    restricted = _select_uuids(connection, "marketplace_plan", "id = 72")
    assert restricted <= oracle.visible_uuids("plan", oracle.find_viewer("owner_f"))
    assert not restricted & oracle.visible_uuids("plan", oracle.find_viewer(MEMBER))


def test_partitions_are_visible_with_their_offering(
    connection: psycopg.Connection, oracle: Oracle
) -> None:
    connection.execute("""
        create table marketplace_offeringpartition as
        select gen_random_uuid() as uuid, id as offering_id from marketplace_offering
    """)
    for noun in ("partition", "offering"):
        assert len(oracle.visible_uuids(noun, OracleViewer(None))) == 13
        assert len(oracle.visible_uuids(noun, oracle.find_viewer("staff"))) == 20


@pytest.mark.parametrize(
    ("address", "is_visible"),
    [("10.1.2.3", True), ("10.2.0.1", False), ("::1", False), (None, False)],
)
def test_resources_are_hidden_outside_the_customer_s_subnets(
    connection: psycopg.Connection, oracle: Oracle, address: str | None, *, is_visible: bool
) -> None:
    add_subnet = """
        insert into structure_accesssubnet (description, uuid, inet, customer_id)
        values ('', gen_random_uuid(), %s, 9)
    """
    connection.execute(add_subnet, [None])
    assert oracle.visible_uuids("resource_as_consumer", oracle.find_viewer(MEMBER, address))
    connection.execute(add_subnet, ["10.1.0.0/16"])
    assert (
        bool(oracle.visible_uuids("resource_as_consumer", oracle.find_viewer(MEMBER, address)))
        == is_visible
    )


@pytest.mark.parametrize(
    ("stored", "value"),
    [
        ("true", True),
        ('"show_all"', "show_all"),
        ('{"__type__": "default", "__value__": false}', False),
        *[(b64encode(pickle.dumps(v, 2)).decode(), v) for v in (True, False, None, "Waldur", 300)],
        *[(b64encode(pickle.dumps(v)).decode(), v) for v in (True, "Waldur")],
    ],
)
def test_decodes_stored_settings(stored: str, value: object) -> None:
    assert decode_setting(stored) == value


def test_stored_pickles_are_not_executed() -> None:
    with pytest.raises(ValueError, match="GLOBAL"):
        decode_setting(b64encode(pickle.dumps(print, 2)).decode())

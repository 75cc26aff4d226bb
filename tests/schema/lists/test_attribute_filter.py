"""Looking for resources by attributes: as REST does, and never by a secret (§5.1, §3.2)."""

import json
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import make
from gateway.schema.lists.attribute_filter import SECRET
from tests.conftest import NewDatabase
from tests.support.marketplaces import Marketplace, opened

HELD: dict[int, Any] = {
    1: {"a": 1, "b": "x"},
    2: {"a": "1"},
    3: {"a": 1.0},
    4: {"a": None},
    5: {"a": True},
    6: {"a": [1, 2]},
    7: {"a": {"deep": {"er": [1, "two"]}, "other": 0}},
    8: {},
    9: {"b": "x", "a": "%"},
    10: {"a.b": 1, "ключ": "é"},
}
"""The attributes of some resources, by their ids; the others have none."""
FOUND: list[tuple[Any, set[int]]] = [
    ({"a": 1}, {1, 3}),
    ({"a": 1.0}, {1, 3}),
    ({"a": "1"}, {2}),
    ({"a": None}, {4}),
    ({"a": True}, {5}),
    ({"a": False}, set()),
    ({"a": "%"}, {9}),
    ({"a": 1, "b": "x"}, {1}),
    ({"a": {"deep": {}}}, {7}),
    ({"a": {"deep": {"er": ["two"]}}}, {7}),
    ({"a": {"deep": {"er": ["three"]}}}, set()),
    ({"a": [1, "1"]}, {1, 2, 3}),
    ({"a": [None, True]}, {4, 5}),
    ({"a": [[1, 2]]}, {6}),
    ({"a": [[1]]}, set()),
    ({"a": []}, set()),
    ({"b": ["x", "y"], "a": ["%", 1]}, {1, 9}),
    ({"c": 1}, set()),
    ({"c": [None]}, set()),
    ({"a.b": 1}, {10}),
    ({"ключ": ["é"]}, {10}),
    ({"a": 10**40}, set()),
]
DOCUMENT = """query($a: JSON, $f: ResourceFilter) {
    one: resources(first: 300, filter: { resourceAttributes: $a }) { totalCount nodes { slug } }
    other: resources(first: 300, filter: $f) { totalCount nodes { slug } } }"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def marketplace(new_database: NewDatabase) -> AsyncIterator[Marketplace]:
    """Give a marketplace in which some resources have attributes, and their ids for slugs."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=30, seed=3)
        connection.execute("update marketplace_resource set slug = id::text, attributes = '{}'")
        for id_, held in HELD.items():
            statement = "update marketplace_resource set attributes = %s where id = %s"
            connection.execute(statement, (json.dumps(held), id_))
    async with opened(url) as marketplace:
        yield marketplace


@pytest.mark.parametrize(("wanted", "ids"), FOUND, ids=str)
async def test_a_value_is_held_and_a_list_names_some(
    marketplace: Marketplace, wanted: Any, ids: set[int]
) -> None:
    given = {"resourceAttributes": wanted}
    answer = await marketplace.data(DOCUMENT, a=wanted, f=given)
    for page in answer.values():
        assert {int(each["slug"]) for each in page["nodes"]} == ids
        assert page["totalCount"] == len(ids)


async def test_nothing_is_wanted_of_no_attribute(marketplace: Marketplace) -> None:
    answer = await marketplace.data(DOCUMENT, a={}, f={"not": {"resourceAttributes": {}}})
    assert (answer["one"]["totalCount"], answer["other"]["totalCount"]) == (30, 0)


async def test_what_is_looked_for_may_stand_in_the_document(marketplace: Marketplace) -> None:
    document = """query($x: JSON, $n: Int) {
        a: resources(filter: { resourceAttributes: { a: 1, b: "x" } }) { totalCount }
        b: resources(filter: { resourceAttributes: { a: $x } }) { totalCount }
        c: resources(filter: { resourceAttributes: { a: [$n, "1"] } }) { totalCount } }"""
    answer = await marketplace.data(document, x=True, n=1)
    assert [answer[each]["totalCount"] for each in "abc"] == [1, 1, 3]


@pytest.mark.parametrize("wanted", [1, "x", True, [], [{"a": 1}]])
async def test_what_is_no_object_is_refused(marketplace: Marketplace, wanted: Any) -> None:
    error = await marketplace.refused(DOCUMENT, f={"or": [{"resourceAttributes": wanted}]})
    assert "object" in error["message"]
    path = ["filter", "or", 0, "resourceAttributes"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": path}


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ({"a\0": 1}, []),
        ({"a": "b\0"}, ["a"]),
        ({"a": ["x", {"b": "x" * 1001}]}, ["a", 1, "b"]),
        ({"a": [0] * 1001}, ["a"]),
        ({str(each): 1 for each in range(51)}, []),
        ({"a": list(range(51))}, []),
        ({"a": {str(each): 1 for each in range(1001)}}, ["a"]),
        ({"a": float("inf")}, ["a"]),
        ({"a": 10**5000}, []),
    ],
    ids=["key", "value", "long", "list", "attributes", "values", "object", "infinite", "number"],
)
async def test_what_no_database_can_hold_is_refused(
    marketplace: Marketplace, wanted: Any, path: list[Any]
) -> None:
    error = await marketplace.refused(DOCUMENT, a=wanted)
    argument = ["filter", "resourceAttributes", *path]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}


async def test_what_is_nested_too_deeply_is_refused(marketplace: Marketplace) -> None:
    wanted: Any = 1
    for _ in range(60):
        wanted = [wanted]
    error = await marketplace.refused(DOCUMENT, a={"a": wanted})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("name", sorted(SECRET))
@pytest.mark.parametrize("username", ["staff", "owner", "provider"])
async def test_nobody_can_guess_a_secret(demo: Marketplace, name: str, username: str) -> None:
    with psycopg.connect(demo.url) as connection:
        statement = "select attributes ->> %s from marketplace_resource where attributes ? %s"
        row = connection.execute(statement, (name, name)).fetchone()
    assert row is not None
    for guess in (row[0], "wrong", [row[0]], None):
        for wanted in ({name: guess}, {"a": 1, name: guess}):
            given = {"not": {"or": [{"resourceAttributes": wanted}]}}
            error = await demo.refused(DOCUMENT, username, f=given)
            assert name in error["message"]
            assert str(row[0]) not in error["message"]
            assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_the_secrets_are_those_of_private_clouds() -> None:
    assert {"user_username", "user_password"} == SECRET

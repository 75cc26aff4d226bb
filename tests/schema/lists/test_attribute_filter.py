"""The filter by attributes: REST's semantics, and no filter by secrets (domain.md §5.1, §3.2)."""

import json
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from gateway.exact_json import ExactNumber
from gateway.marketplace.plugins import SECRET_ATTRIBUTES
from tests.conftest import DatabaseFactory
from tests.support.marketplaces import Marketplace, open_marketplace

STORED_ATTRIBUTES: dict[int, Any] = {
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
"""The attributes of some resources by id; the others have none."""
ATTRIBUTE_FILTER_CASES: list[tuple[Any, set[int]]] = [
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
async def attribute_marketplace(new_database: DatabaseFactory) -> AsyncIterator[Marketplace]:
    """Open a marketplace in which resources have STORED_ATTRIBUTES, and their ids as slugs."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=30, seed=3)
        connection.execute("update marketplace_resource set slug = id::text, attributes = '{}'")
        for id_, attributes in STORED_ATTRIBUTES.items():
            statement = "update marketplace_resource set attributes = %s where id = %s"
            connection.execute(statement, (json.dumps(attributes), id_))
    async with open_marketplace(url) as marketplace:
        yield marketplace


@pytest.mark.parametrize(("attributes", "ids"), ATTRIBUTE_FILTER_CASES, ids=str)
async def test_attribute_values_and_alternatives(
    attribute_marketplace: Marketplace, attributes: Any, ids: set[int]
) -> None:
    filter_value = {"resourceAttributes": attributes}
    data = await attribute_marketplace.fetch_data(DOCUMENT, a=attributes, f=filter_value)
    for page in data.values():
        assert {int(each["slug"]) for each in page["nodes"]} == ids
        assert page["totalCount"] == len(ids)


async def test_an_empty_attribute_filter_matches_everything(
    attribute_marketplace: Marketplace,
) -> None:
    data = await attribute_marketplace.fetch_data(DOCUMENT, a={}, f={"resourceAttributes": {}})
    assert (data["one"]["totalCount"], data["other"]["totalCount"]) == (30, 30)


async def test_attribute_literals_in_the_document(attribute_marketplace: Marketplace) -> None:
    document = """query($x: JSON, $n: Int) {
        a: resources(filter: { resourceAttributes: { a: 1, b: "x" } }) { totalCount }
        b: resources(filter: { resourceAttributes: { a: $x } }) { totalCount }
        c: resources(filter: { resourceAttributes: { a: [$n, "1"] } }) { totalCount } }"""
    data = await attribute_marketplace.fetch_data(document, x=True, n=1)
    assert [data[each]["totalCount"] for each in "abc"] == [1, 1, 3]


@pytest.mark.parametrize("attributes", [1, "x", True, [], [{"a": 1}]])
async def test_attributes_must_be_an_object(
    attribute_marketplace: Marketplace, attributes: Any
) -> None:
    error = await attribute_marketplace.fetch_error(
        DOCUMENT, f={"or": [{"resourceAttributes": attributes}]}
    )
    assert "object" in error["message"]
    path = ["filter", "or", 0, "resourceAttributes"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": path}


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"a\0": 1}, []),
        ({"a": "b\0"}, ["a"]),
        ({"a": ["x", {"b": "x" * 1001}]}, ["a", 1, "b"]),
        ({str(each): 1 for each in range(51)}, []),
        ({"a": list(range(51))}, []),
        ({"a": {str(each): 1 for each in range(1001)}}, ["a"]),
        ({"a": ExactNumber(f"0.{'1' * 1000}")}, ["a"]),
    ],
    ids=["key", "value", "long", "attributes", "values", "object", "number"],
)
async def test_unstorable_attributes_are_rejected(
    attribute_marketplace: Marketplace, attributes: Any, path: list[Any]
) -> None:
    error = await attribute_marketplace.fetch_error(DOCUMENT, a=attributes)
    argument = ["filter", "resourceAttributes", *path]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}


async def test_too_deeply_nested_attributes_are_rejected(
    attribute_marketplace: Marketplace,
) -> None:
    attributes: Any = 1
    for _ in range(60):
        attributes = [attributes]
    error = await attribute_marketplace.fetch_error(DOCUMENT, a={"a": attributes})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("name", sorted(SECRET_ATTRIBUTES))
@pytest.mark.parametrize("username", ["staff", "owner", "provider"])
async def test_secret_attributes_cannot_be_filtered_by(
    demo: Marketplace, name: str, username: str
) -> None:
    with psycopg.connect(demo.url) as connection:
        statement = "select attributes ->> %s from marketplace_resource where attributes ? %s"
        row = connection.execute(statement, (name, name)).fetchone()
    assert row is not None
    for guess in (row[0], "wrong", [row[0]], None):
        for attributes in ({name: guess}, {"a": 1, name: guess}):
            filter_value = {"not": {"or": [{"resourceAttributes": attributes}]}}
            error = await demo.fetch_error(DOCUMENT, username, f=filter_value)
            assert name in error["message"]
            assert str(row[0]) not in error["message"]
            assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_the_secrets_are_those_of_private_clouds() -> None:
    assert {"user_username", "user_password"} == SECRET_ATTRIBUTES

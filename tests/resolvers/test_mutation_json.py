"""JSON in mutations: variables inside of it, exact numbers, and errors about what is not JSON."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

OPTIONS_MUTATION = """mutation (%s) { updateResourceOptions(input: {
    uuid: "@", options: %s
}) { __typename ... on InvalidInput { fields { path message } }
     ... on Accepted { resource { options } } } }"""
RENEWAL_MUTATION = """mutation ($k: String!, $limits: JSON) { renewResource(input: {
    uuid: "@", extensionMonths: 12, limits: $limits, idempotencyKey: $k
}) { __typename ... on InvalidInput { fields { path message } }
     ... on Accepted { order { uuid limits attributes } } } }"""
BOXED = {"b": [1]}
EXACT_NUMBERS = ["1.10", "1e400", "12345678901234567890.123456789", "9" * 4300]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def resource_uuid(demo: MutableDemo) -> str:
    """Return the UUID of a resource whose options can be updated."""
    condition = "not (o.plugin_options ? 'create_orders_on_resource_option_change')"
    return (await demo.find_operable_resources("UPDATE_RESOURCE_OPTIONS", condition=condition))[0]


async def post_json(demo: MutableDemo, query: str, variables: str = "{}") -> Any:
    """Send a request whose variables are JSON that json.dumps would not write."""
    body = f'{{"query": {json.dumps(query)}, "variables": {variables}}}'
    response = await demo.client.post(body.encode())
    assert response.status_code < 500
    return response.json()


def read_options(demo: MutableDemo, uuid: str) -> str:
    """Return the stored options as PostgreSQL prints them."""
    ((options,),) = demo.run_sql(
        "select options::text from marketplace_resource where uuid = %s", uuid
    )
    return str(options)


@pytest.mark.parametrize(
    ("definitions", "literal", "variables", "expected"),
    [
        ("$x: Int", "{a: $x, list: [$x]}", "{}", {"list": [None]}),
        ("$x: Int", "{a: $x, list: [$x]}", '{"x": null}', {"a": None, "list": [None]}),
        ("$x: Int = 7", "{a: $x, list: [$x]}", "{}", {"a": 7, "list": [7]}),
        ("$x: JSON = {b: [1]}", "{a: $x, c: {d: $x}}", "{}", {"a": BOXED, "c": {"d": BOXED}}),
        ("$x: JSON", "{c: {d: $x, e: [{f: $x}]}}", "{}", {"c": {"e": [{}]}}),
        ("$x: ResourceState", "{a: $x}", '{"x": "ERRED"}', {"a": "ERRED"}),
        ("$x: [ResourceState!] = [OK]", "{a: $x}", "{}", {"a": ["OK"]}),
        ("$x: Upload", "{a: $x, b: 1}", "{}", {"b": 1}),
    ],
)  # fmt: skip
async def test_variables_inside_json(
    demo: MutableDemo,
    resource_uuid: str,
    definitions: str,
    literal: str,
    variables: str,
    expected: Any,
) -> None:
    demo.run_sql("update marketplace_resource set options = '{}' where uuid = %s", resource_uuid)
    query = OPTIONS_MUTATION.replace("@", resource_uuid) % (definitions, literal)
    body = await post_json(demo, query, variables)
    assert body["data"]["updateResourceOptions"]["resource"]["options"] == expected
    assert json.loads(read_options(demo, resource_uuid)) == expected


@pytest.mark.parametrize("as_variable", [True, False])
async def test_numbers_are_stored_and_returned_exactly(
    demo: MutableDemo, resource_uuid: str, as_variable: bool
) -> None:
    demo.run_sql("update marketplace_resource set options = '{}' where uuid = %s", resource_uuid)
    members = [(f"n{index}", number) for index, number in enumerate(EXACT_NUMBERS)]
    as_json = "{" + ", ".join(f'"{name}": {number}' for name, number in members) + "}"
    as_literal = "{" + ", ".join(f"{name}: {number}" for name, number in members) + "}"
    query = OPTIONS_MUTATION.replace("@", resource_uuid)
    if as_variable:
        response = await post_json(demo, query % ("$o: JSON", "$o"), f'{{"o": {as_json}}}')
    else:
        response = await post_json(demo, query.replace("(%s)", "", 1) % as_literal)
    assert response["data"]["updateResourceOptions"]["__typename"] == "ResourceOptionsUpdated"
    expected = as_json.replace("1e400", "1" + "0" * 400)
    assert read_options(demo, resource_uuid) == expected
    read_query = f'{{ resource(uuid: "{resource_uuid}") {{ options }} }}'
    assert expected.encode() in (await demo.client.post_query(read_query)).content
    await post_json(demo, query.replace("(%s)", "", 1) % "{later: 1}")
    assert read_options(demo, resource_uuid) == expected[:-1] + ', "later": 1}'


@pytest.mark.parametrize(
    ("definitions", "literal", "variables", "code"),
    [
        ("", "{a: OK}", "{}", "GRAPHQL_VALIDATION_FAILED"),
        ("", "{a: [NaN]}", "{}", "GRAPHQL_VALIDATION_FAILED"),
        ("", "{a: 1e100000}", "{}", "GRAPHQL_VALIDATION_FAILED"),
        ("", "{a: 1, a: 2}", "{}", "GRAPHQL_VALIDATION_FAILED"),
        ("$x: Int", "{a: $x, b: Infinity}", "{}", "GRAPHQL_VALIDATION_FAILED"),
        ("$x: JSON", "{a: [$x]}", '{"x": 1e100000}', "BAD_USER_INPUT"),
        ("$x: JSON", "$x", '{"x": {"a": [1e-100000]}}', "BAD_USER_INPUT"),
        ("$x: JSON", "$x", '{"x": {"a": 1e%s}}' % ("9" * 40), "BAD_USER_INPUT"),
        ("$x: JSON", "$x", '{"x": {"a": %s}}' % ("9" * 4301), "BAD_USER_INPUT"),
    ],
    ids=lambda each: str(each)[:40],
)
async def test_what_is_not_json_is_refused(
    demo: MutableDemo,
    resource_uuid: str,
    definitions: str,
    literal: str,
    variables: str,
    code: str,
) -> None:
    query = OPTIONS_MUTATION.replace("@", resource_uuid) % (definitions, literal)
    before = read_options(demo, resource_uuid)
    body = await post_json(demo, query.replace("mutation ()", "mutation"), variables)
    (error,) = body["errors"]
    assert error["extensions"]["code"] == code, error
    assert len(error["message"]) < 400
    assert read_options(demo, resource_uuid) == before


async def test_large_limits_are_refused_with_an_idempotency_key(demo: MutableDemo) -> None:
    uuid = (await demo.find_operable_resources("RENEW_RESOURCE"))[0]
    query = RENEWAL_MUTATION.replace("@", uuid)
    for index, number in enumerate(("1e999", "9" * 30, "9" * 4300, "-1e-999", "0.001", "1e18")):
        body = await post_json(demo, query, f'{{"k": "k{index}", "limits": {{"x": {number}}}}}')
        (field,) = body["data"]["renewResource"]["fields"]
        assert field["path"] == ["limits", "x"]
        assert len(field["message"]) < 200


async def test_the_spelling_of_a_number_does_not_make_another_request(demo: MutableDemo) -> None:
    """The repeated request has the limits 99.0 in place of 99; a third one has others."""
    resources = await demo.client.execute_query(
        "query($uuids: [UUID!]) { resources(filter: { uuid: $uuids }) { nodes { uuid limits } } }",
        uuids=await demo.find_operable_resources("RENEW_RESOURCE"),
    )
    limits_by_uuid = {
        each["uuid"]: each["limits"] for each in resources["data"]["resources"]["nodes"]
    }
    uuid, limits = next(each for each in limits_by_uuid.items() if each[1])
    query = RENEWAL_MUTATION.replace("@", uuid)
    results = []
    for suffix in ("", ".0", ".00", "1"):
        members = ", ".join(f'"{name}": {value}{suffix}' for name, value in limits.items())
        body = await post_json(demo, query, f'{{"k": "spelling", "limits": {{{members}}}}}')
        results.append(body["data"]["renewResource"])
    assert results[0]["order"]["uuid"]
    assert results[:3] == [results[0]] * 3
    assert results[3]["__typename"] == "Conflict"

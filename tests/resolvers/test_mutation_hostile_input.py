"""Each mutation with hostile values in each place of its input, by several users."""

from collections.abc import AsyncIterator, Iterator
from itertools import cycle
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo
from tests.support.mutation_inputs import list_order_inputs, list_resource_inputs, send_mutation

HOSTILE_VALUES: tuple[Any, ...] = (
    None,
    "",
    " \t",
    "\0",
    "\x1b[31m\u202e",
    "\N{ARABIC-INDIC DIGIT ONE}",
    "x" * 50_000,
    "NaN",
    "0001-01-01",
    "9999-12-31",
    "0" * 32,
    0,
    -1,
    2**31,
    10**400,
    1.5,
    True,
    [],
    {},
    [None],
    [[[]]],
    {"": None},
    {"\u202e": 10**30},
    {"__proto__": {"constructor": []}},
    {str(number): number for number in range(300)},
)
USERNAMES = ("staff", "owner", "provider", "reader")
PENDING_ORDER_SQL = """
update marketplace_order set state = 1 where id = (select min(id) from marketplace_order)
returning uuid
"""
ABSENT_UUID = "ab" * 16
HIDDEN_UUIDS_SQL = """
select r.uuid, o.uuid from marketplace_resource r
join marketplace_order o on o.resource_id = r.id where r.uuid <> all(%s::uuid[])
order by o.id limit 1
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo without cost policies, which tests change."""
    async with serve_mutable_demo(new_database(), 60) as mutable_demo:
        mutable_demo.run_sql("delete from policy_customerestimatedcostpolicy")
        mutable_demo.run_sql("delete from policy_projectestimatedcostpolicy")
        yield mutable_demo


def replace_each_value(value: Any, hostile_value: Any) -> Iterator[Any]:
    """Yield copies of an input, each with the hostile value in another place but the uuid's."""
    members: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        members = [*value.items()]
    elif isinstance(value, list):
        members = [*enumerate(value)]
    for name, member in members:
        if name in ("uuid", "uuids"):
            continue
        for changed_member in (hostile_value, *replace_each_value(member, hostile_value)):
            copy = value.copy()
            copy[name] = changed_member
            yield copy


def list_inputs(demo: MutableDemo) -> list[tuple[str, Any]]:
    """Return each mutation with an input."""
    ((resource,),) = demo.run_sql(
        "select uuid from marketplace_resource where state = 2 and limits <> '{}' order by id"
        " limit 1"
    )
    ((order,),) = demo.run_sql(PENDING_ORDER_SQL)
    return [*list_resource_inputs(demo, resource.hex), *list_order_inputs(order.hex)]


async def test_hostile_values_that_are_refused_change_nothing(demo: MutableDemo) -> None:
    usernames = cycle(USERNAMES)
    for field, input_values in list_inputs(demo):
        digest = demo.digest_tables()
        extended_values = {**input_values, "ifModified": "2099-01-01T00:00:00Z"}
        for index, hostile_value in enumerate(HOSTILE_VALUES):
            copies = [*replace_each_value(extended_values, hostile_value)]
            changed_values = copies[index % len(copies)]
            outcome = await send_mutation(demo, field, changed_values, next(usernames))
            assert {*outcome.error_codes} <= {"BAD_USER_INPUT"}, (field, outcome.body)
            if not outcome.is_refused:
                digest = demo.digest_tables()
        assert demo.digest_tables() == digest, field


@pytest.mark.parametrize("username", ["owner", "provider", "reader"])
async def test_hidden_and_absent_objects_have_the_same_answer(
    demo: MutableDemo, username: str
) -> None:
    document = "{ resources(first: 100) { nodes { uuid } } }"
    body = await demo.client.execute_query(document, username)
    visible_uuids = [each["uuid"] for each in body["data"]["resources"]["nodes"]]
    ((resource, order),) = demo.run_sql(HIDDEN_UUIDS_SQL, visible_uuids)
    digest_before = demo.digest_tables()
    inputs = [*list_resource_inputs(demo, resource.hex), *list_order_inputs(order.hex)]
    for field, values in inputs:
        uuid = values.get("uuid") or values["uuids"][0]
        place = {"uuid": uuid} if "uuid" in values else {"uuids": [uuid]}
        hidden = await send_mutation(demo, field, {**values, **place}, username)
        place = {"uuid": ABSENT_UUID} if "uuid" in values else {"uuids": [ABSENT_UUID]}
        absent = await send_mutation(demo, field, {**values, **place}, username)
        assert hidden.type_names == ["NotFound"], (field, hidden.body)
        assert hidden.results == absent.results
    assert demo.digest_tables() == digest_before


async def test_all_mutations_of_existing_objects_are_covered(demo: MutableDemo) -> None:
    document = "{ __schema { mutationType { fields { name } } } }"
    body = await demo.client.execute_query(document)
    names = {each["name"] for each in body["data"]["__schema"]["mutationType"]["fields"]}
    assert names - {"createOrder"} == {field for field, _ in list_inputs(demo)}

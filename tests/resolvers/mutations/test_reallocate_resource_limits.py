"""Moving limits to other resources (domain.md §5.17, rules.md §1)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.demo_with_provider import DemoWithProvider, serve_demo_with_provider

FIELD = "reallocateResourceLimits"
BASIC_OFFERING = "r.state = 2 and o.type = 'Marketplace.Basic' and r.limits ? 'capacity'"
COPY_SQL = """
insert into marketplace_resource select (n).* from (
    select jsonb_populate_record(r, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('marketplace_resource', 'id')),
        'uuid', gen_random_uuid(), 'content_type_id', null, 'object_id', null,
        'name', 'Copy', 'state', 2, 'limits', '{"capacity": 10, "snapshots": 1}'::jsonb)) n
    from marketplace_resource r where r.uuid = %s)
returning uuid
"""
LIMITS_SQL = "select limits, state from marketplace_resource where uuid = %s"
ORDERS_SQL = """
select r.uuid, o.limits, o.attributes, o.type, o.cost is not null from marketplace_order o
join marketplace_resource r on r.id = o.resource_id where o.id > %s order by o.id
"""
RESULT_SELECTION = """__typename ... on Problem { message } ... on NotPossible { reason }
... on WrongState { state allowed } ... on InvalidInput { fields { path message } }
... on ResourceLimitsReallocated { resource { uuid state } order { uuid state }
    targetOrders { uuid state subtype resource { uuid } } }"""
Input = dict[str, Any]


class Reallocation(NamedTuple):
    """A resource with a capacity of 10, and two others of its offering and project."""

    source: str
    targets: list[str]

    def build_input(self) -> Input:
        """Return the input that moves a capacity of 3 to the first target and 2 to the second."""
        return {
            "uuid": self.source,
            "limits": {"capacity": 5},
            "targets": [
                {"resource": uuid, "limits": {"capacity": amount}}
                for uuid, amount in zip(self.targets, (3, 2), strict=True)
            ],
        }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a demo that the tests change, and its provider."""
    async with serve_demo_with_provider(new_database()) as demo_with_provider:
        yield demo_with_provider


@pytest_asyncio.fixture(loop_scope="session")
async def reallocation(demo: DemoWithProvider) -> Reallocation:
    """Return three new resources."""
    uuids = await demo.find_operable_resources(
        "REALLOCATE_RESOURCE_LIMITS", "owner", BASIC_OFFERING
    )
    copies = [demo.run_sql(COPY_SQL, uuids[0])[0][0].hex for _ in range(3)]
    return Reallocation(copies[0], copies[1:])


async def reallocate(demo: DemoWithProvider, as_: str = "staff", **input_values: Any) -> Any:
    """Run the mutation and return its result."""
    document = (
        f"mutation ($input: ReallocateResourceLimitsInput!)"
        f" {{ {FIELD}(input: $input) {{ {RESULT_SELECTION} }} }}"
    )
    response = await demo.client.execute_query(document, as_, input=input_values)
    assert "errors" not in response, response
    return response["data"][FIELD]


async def test_each_resource_gets_an_order(
    demo: DemoWithProvider, reallocation: Reallocation
) -> None:
    ((last_order_id,),) = demo.run_sql("select max(id) from marketplace_order")
    result = await reallocate(demo, **reallocation.build_input())
    assert result["__typename"] == "ResourceLimitsReallocated", result
    assert result["resource"] == {"uuid": reallocation.source, "state": "UPDATING"}
    assert [each["resource"]["uuid"] for each in result["targetOrders"]] == reallocation.targets
    old_limits = {"capacity": 10, "snapshots": 1}
    assert [
        (uuid.hex, limits, *values)
        for uuid, limits, *values in demo.run_sql(ORDERS_SQL, last_order_id)
    ] == [
        (uuid, {"capacity": capacity, "snapshots": 1}, {"old_limits": old_limits}, 2, True)
        for uuid, capacity in zip(
            [reallocation.source, *reallocation.targets], (5, 13, 12), strict=True
        )
    ]
    for order in (result["order"], *result["targetOrders"]):
        await demo.run_mutation("approveOrder", uuid=order["uuid"])
    await demo.process_due_work()
    assert [
        demo.run_sql(LIMITS_SQL, uuid) for uuid in (reallocation.source, *reallocation.targets)
    ] == [[({"capacity": capacity, "snapshots": 1}, 2)] for capacity in (5, 13, 12)]


async def test_repeated_requests_return_the_same_orders(
    demo: DemoWithProvider, reallocation: Reallocation
) -> None:
    input_values = reallocation.build_input() | {"idempotencyKey": reallocation.source}
    results = await asyncio.gather(*[reallocate(demo, **input_values) for _ in range(3)])
    assert results[0] == results[1] == results[2]
    assert len(results[0]["targetOrders"]) == 2
    input_values["targets"].reverse()
    assert (await reallocate(demo, **input_values))["__typename"] == "Conflict"


async def test_opposite_reallocations_have_one_winner(
    demo: DemoWithProvider, reallocation: Reallocation
) -> None:
    resources = [reallocation.source, reallocation.targets[0]]
    inputs: list[Input] = [
        {
            "uuid": source,
            "limits": {"capacity": 1},
            "targets": [{"resource": target, "limits": {"capacity": 1}}],
        }
        for source, target in (resources, reversed(resources))
    ]
    results = await asyncio.gather(*[reallocate(demo, "staff", **each) for each in inputs])
    names = sorted(each["__typename"] for each in results)
    assert names == ["ResourceLimitsReallocated", "WrongState"]


async def test_a_limit_can_be_moved_whole(
    demo: DemoWithProvider, reallocation: Reallocation
) -> None:
    """It becomes 0; it is not removed."""
    input_values = reallocation.build_input() | {"limits": {"snapshots": 1}}
    input_values["targets"] = [
        {"resource": reallocation.targets[0], "limits": {"snapshots": 1}},
    ]
    demo.run_sql("update marketplace_offeringcomponent set max_value = 9 where type = 'snapshots'")
    result = await reallocate(demo, **input_values)
    order_sql = "select limits from marketplace_order where uuid = %s"
    limits = demo.run_sql(order_sql, result["order"]["uuid"])
    assert limits == [({"capacity": 10, "snapshots": 0},)]


def change_target(**values: Any) -> Callable[[Input], None]:
    """Return a function that changes the first target of an input."""
    return lambda input_values: input_values["targets"][0].update(values)


def change_input(**values: Any) -> Callable[[Input], None]:
    """Return a function that changes an input."""
    return lambda input_values: input_values.update(values)


FIRST_TARGET = ["targets", "0", "resource"]
INVALID_INPUTS: dict[str, tuple[Callable[[Input], None], list[str], str]] = {
    "no limits": (change_input(limits={}), ["limits"], "an empty object"),
    "a list": (change_input(limits=[5]), ["limits"], "a list"),
    "no targets": (change_input(targets=[]), ["targets"], "1 to 20 items, got 0"),
    "nothing": (change_input(limits={"capacity": 0}), ["limits", "capacity"], "greater than 0"),
    "a text": (change_input(limits={"capacity": "5"}), ["limits", "capacity"], "a string"),
    "too much": (change_input(limits={"capacity": 11}), ["limits", "capacity"], "at most 10"),
    "unknown": (change_input(limits={"x": 5}), ["limits", "x"], "not a limit of the resource"),
    "other sum": (change_input(limits={"capacity": 6}), ["limits", "capacity"], "targets, 5"),
    "no allocation": (change_target(limits={}), ["targets", "0", "limits"], "an empty object"),
    "negative": (
        change_target(limits={"capacity": -1}),
        ["targets", "0", "limits", "capacity"],
        "greater than 0, got -1",
    ),
    "allocation of others": (
        change_target(limits={"capacity": 3, "snapshots": 1}),
        ["limits", "snapshots"],
        "must equal the sum of the targets, 1",
    ),
    "absent": (change_target(resource="0" * 32), FIRST_TARGET, "exists and that the viewer"),
}


@pytest.mark.parametrize("name", INVALID_INPUTS)
async def test_invalid_inputs_are_refused(
    demo: DemoWithProvider, reallocation: Reallocation, name: str
) -> None:
    change, path, text = INVALID_INPUTS[name]
    input_values = reallocation.build_input()
    change(input_values)
    digest_before = demo.digest_tables()
    result = await reallocate(demo, **input_values)
    assert result["__typename"] == "InvalidInput", result
    assert path in [each["path"] for each in result["fields"]]
    assert text in str(result["fields"])
    assert demo.digest_tables() == digest_before


@pytest.mark.parametrize(
    ("first", "second"), [("source", "second"), ("second", "second"), ("first", "first")]
)
async def test_each_resource_takes_part_once(
    demo: DemoWithProvider, reallocation: Reallocation, first: str, second: str
) -> None:
    uuids = dict(zip(("first", "second"), reallocation.targets, strict=True))
    uuids["source"] = reallocation.source
    input_values = reallocation.build_input()
    for target, name in zip(input_values["targets"], (first, second), strict=True):
        target["resource"] = uuids[name]
    digest_before = demo.digest_tables()
    result = await reallocate(demo, **input_values)
    assert "must be neither" in result["message"]
    assert demo.digest_tables() == digest_before


TARGET_SETUPS = {
    "update marketplace_resource set state = 3 where uuid = %s": "is in state ERRED",
    "update marketplace_resource set limits = '{\"capacity\": 1}' where uuid = %s": (
        "limits for the same components"
    ),
    'update marketplace_resource set limits = \'{"capacity": "x", "snapshots": 1}\''
    " where uuid = %s": "limits for the same components",
    "update marketplace_resource set offering_id = (select max(id) from marketplace_offering"
    " where state = 2 and shared and type = 'Marketplace.Script') where uuid = %s": (
        "the same offering"
    ),
    "insert into marketplace_order select (n).* from (select jsonb_populate_record(o,"
    " jsonb_build_object('id', nextval(pg_get_serial_sequence('marketplace_order', 'id')),"
    " 'uuid', gen_random_uuid(), 'state', 2, 'resource_id', r.id)) n from marketplace_resource r"
    " join marketplace_order o on o.id = 1 where r.uuid = %s)": "still open",
    'update marketplace_resource set limits = \'{"capacity": 1998, "snapshots": 1}\''
    " where uuid = %s": "`targets.0.limits.capacity` must be at most 2000, got 2001.",
}


@pytest.mark.parametrize("setup_sql", TARGET_SETUPS)
async def test_targets_that_can_get_no_limits_are_named(
    demo: DemoWithProvider, reallocation: Reallocation, setup_sql: str
) -> None:
    demo.run_sql(setup_sql, reallocation.targets[0])
    digest_before = demo.digest_tables()
    result = await reallocate(demo, **reallocation.build_input())
    assert result["__typename"] == "InvalidInput", result
    assert [each["path"][:2] for each in result["fields"]] == [["targets", "0"]]
    assert TARGET_SETUPS[setup_sql] in result["message"]
    assert demo.digest_tables() == digest_before


async def test_hidden_targets_are_like_absent_ones(
    demo: DemoWithProvider, reallocation: Reallocation
) -> None:
    demo.run_sql(
        "update marketplace_resource set project_id = (select min(p.id) from structure_project p"
        " where p.customer_id not in (select object_id from permissions_userrole u"
        " join core_user c on c.id = u.user_id where c.username = 'owner')) where uuid = %s",
        reallocation.targets[0],
    )
    absent_input = reallocation.build_input()
    change_target(resource="0" * 32)(absent_input)
    hidden = await reallocate(demo, "owner", **reallocation.build_input())
    assert hidden == await reallocate(demo, "owner", **absent_input)
    assert [each["path"] for each in hidden["fields"]] == [FIRST_TARGET]


async def test_the_source_is_checked_like_a_change_of_limits(
    demo: DemoWithProvider, reallocation: Reallocation
) -> None:
    demo.run_sql("update marketplace_resource set state = 3 where uuid = %s", reallocation.source)
    result = await reallocate(demo, **reallocation.build_input())
    assert (result["__typename"], result["allowed"]) == ("WrongState", ["OK"])
    assert (await reallocate(demo, "member", **reallocation.build_input()))["__typename"] in (
        "NotPermitted",
        "NotFound",
    )
    demo.run_sql(
        "update marketplace_resource set state = 2, limits = '{}' where uuid = %s",
        reallocation.source,
    )
    result = await reallocate(demo, **reallocation.build_input())
    assert (result["__typename"], result["reason"]) == ("NotPossible", "NO_LIMITS")


async def test_texts_that_can_not_be_stored_are_refused(
    demo: DemoWithProvider, reallocation: Reallocation
) -> None:
    input_values = reallocation.build_input()
    change_target(limits={"\0": 1})(input_values)
    result = await reallocate(demo, **input_values)
    assert result["fields"][0]["path"] == ["targets", "0", "limits"]

"""Who can do what with a resource in which state: domain.md §4.11 and §5, as a table."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import NewDatabase
from tests.support.mutable_demo import FREE, Changing, changing

STATES = {"CREATING": 1, "OK": 2, "ERRED": 3, "UPDATING": 4, "TERMINATING": 5, "TERMINATED": 6}
CONSUMERS = ("owner", "manager", "admin", "member", "expired")
"""Roles in the resource's project or its organisation; an expired one counts until revoked."""
PROVIDERS = ("provider", "service_manager")
EVERYBODY = ("staff", "support", *CONSUMERS, *PROVIDERS, "reader", "nobody", "revoked")


class Case(NamedTuple):
    """An operation on a resource of somebody's."""

    field: str
    gives: str
    may: tuple[str, ...]
    states: tuple[str, ...]
    given: Mapping[str, Any]
    provided: bool = True
    """Whether the demo's provider provides the resource, and sees it."""


CASES = {
    "PULL_RESOURCE": Case(
        "pullResource",
        "ResourcePulled",
        ("staff", "support", *CONSUMERS, *PROVIDERS),
        ("OK", "ERRED"),
        {},
    ),
    "MOVE_RESOURCE": Case("moveResource", "ResourceMoved", ("staff",), (*STATES,), {}),
    "RENEW_RESOURCE": Case(
        "renewResource",
        "ResourceRenewed",
        ("staff", "owner", "manager", "admin", "expired"),
        ("OK", "ERRED"),
        {"extensionMonths": 12},
        provided=False,
    ),
    "SET_RESOURCE_END_DATE": Case(
        "setResourceEndDate",
        "ResourceEndDateSet",
        ("staff", "owner", "provider"),
        (*STATES,),
        {"endDate": "2099-12-31"},
    ),
    "UPDATE_RESOURCE_OPTIONS": Case(
        "updateResourceOptions",
        "ResourceOptionsUpdated",
        ("staff", "owner", "provider"),
        ("OK",),
        {"options": {"contact": "lab@example.org"}},
    ),
}
"""For each operation who may, and in which states."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: NewDatabase) -> AsyncIterator[Changing]:
    """Give a demo that may change."""
    async with changing(new_database()) as made:
        yield made


async def seen(demo: Changing, uuid: str) -> set[str]:
    """Name those who see a resource."""
    document = "query ($uuid: UUID!) { resource(uuid: $uuid) { uuid } }"
    answers = {as_: await demo.client.ask(document, as_, uuid=uuid) for as_ in EVERYBODY}
    return {as_ for as_, answer in answers.items() if answer["data"]["resource"]}


async def subject(demo: Changing, operation: str) -> str:
    """Give a resource that consumers and, if it can be, the provider see."""
    wanted = {*CONSUMERS} | ({*PROVIDERS} if CASES[operation].provided else set())
    for uuid in await demo.able(operation):
        if wanted <= await seen(demo, uuid):
            return uuid
    raise AssertionError(operation)


def expected(case: Case, as_: str | None, state: str, seeing: set[str]) -> str:
    """Give what is to come of it."""
    if as_ is None:
        return "NotPermitted"
    if as_ not in seeing:
        return "NotFound"
    if as_ not in case.may:
        return "NotPermitted"
    return case.gives if state in case.states else "WrongState"


@pytest.mark.parametrize("operation", CASES)
async def test_each_may_what_the_table_says(demo: Changing, operation: str) -> None:
    case, uuid = CASES[operation], await subject(demo, operation)
    ((id_, project),) = demo.sql(
        "select r.id, p.uuid from marketplace_resource r join structure_project p"
        " on p.id = r.project_id where r.uuid = %s",
        uuid,
    )
    given = dict(case.given) | ({"project": project.hex} if operation == "MOVE_RESOURCE" else {})
    seeing = await seen(demo, uuid)
    wanted, came = {}, {}
    for state, number in STATES.items():
        for as_ in (*EVERYBODY, None):
            demo.sql(FREE, id_)
            demo.sql("update marketplace_resource set state = %s where id = %s", number, id_)
            found = await demo.change(case.field, as_, uuid=uuid, **given)
            came[state, as_] = found["__typename"]
            wanted[state, as_] = expected(case, as_, state, seeing)
            if found["__typename"] == "WrongState":
                assert (found["state"], {*found["allowed"]}) == (state, {*case.states})
    assert came == wanted


async def test_a_providers_own_options_take_no_state(demo: Changing) -> None:
    """Domain.md §5.9: with `direct`, the provider changes them whatever the state."""
    uuid = await subject(demo, "UPDATE_RESOURCE_OPTIONS")
    for state, number in STATES.items():
        demo.sql("update marketplace_resource set state = %s where uuid = %s", number, uuid)
        given = {"uuid": uuid, "options": {"mark": state}, "direct": True}
        assert (await demo.change("updateResourceOptions", "owner", **given))["__typename"] == (
            "NotPermitted"
        )
        came = await demo.change("updateResourceOptions", "provider", **given)
        assert (came["__typename"], came["order"]) == ("ResourceOptionsUpdated", None)
        assert came["resource"]["state"] == state
        kept = demo.sql("select options ->> 'mark' from marketplace_resource where uuid = %s", uuid)
        assert kept == [(state,)]


async def test_what_is_allowed_is_what_can_be_done(demo: Changing) -> None:
    """`allowedOperations` says the same as trying does, for whoever asks."""
    document = "{ resources(first: 40, orderBy: NAME_ASC) { nodes { uuid allowedOperations } } }"
    project = demo.sql("select uuid from structure_project where not is_removed limit 1")[0][0].hex
    for as_ in ("staff", "owner", "admin", "member", "provider"):
        nodes = (await demo.client.ask(document, as_))["data"]["resources"]["nodes"]
        for node in nodes:
            for operation, case in CASES.items():
                given = dict(case.given)
                if operation == "MOVE_RESOURCE":
                    given["project"] = project
                if operation == "UPDATE_RESOURCE_OPTIONS":
                    given["options"] = {}
                before = demo.sql(
                    "select id, state, project_id from marketplace_resource where uuid = %s",
                    node["uuid"],
                )
                orders = demo.sql("select max(id) from marketplace_order")[0][0]
                found = await demo.change(case.field, as_, uuid=node["uuid"], **given)
                done = found["__typename"] in (case.gives, "InvalidMonths", "InvalidInput")
                assert done is (operation in node["allowedOperations"]), (as_, operation, found)
                ((id_, state, held),) = before
                demo.sql("delete from marketplace_order where id > %s", orders)
                demo.sql(
                    "update marketplace_resource set state = %s, project_id = %s where id = %s",
                    state,
                    held,
                    id_,
                )

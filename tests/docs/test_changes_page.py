"""docs/changes.md and README.md show what happens."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import make
from tests.conftest import NewDatabase
from tests.support.gateway_server import Client, service
from tests.support.project_paths import PROJECT_ROOT

PAGE, README, SCHEMA = (
    (PROJECT_ROOT / name).read_text(encoding="utf-8")
    for name in ("docs/changes.md", "README.md", "schema.graphql")
)
SHOWN = re.compile(r"```graphql as=(\w+)\n(.*?)```\s*```json\n(.*?)```", re.DOTALL)
RESOURCES = """{ resources(first: 300) { nodes {
    uuid state allowedOperations project { uuid } offering { type name resourceOptions }
} } }"""
Said = dict[str, Any]
"""What was answered so far, by the names of the fields."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(new_database: NewDatabase) -> AsyncIterator[Client]:
    """Give a client of a demo that may change."""
    url = new_database()
    with psycopg.connect(url) as connection:
        make(connection, resources=300, seed=1)
    async with service(url) as client:
        yield client


async def able(client: Client, as_: str, operation: str) -> list[Any]:
    """Give the resources that are OK and on which somebody can carry out an operation."""
    nodes = (await client.ask(RESOURCES, as_))["data"]["resources"]["nodes"]
    return [e for e in nodes if operation in e["allowedOperations"] and e["state"] == "OK"]


async def pulled(client: Client, _: Said) -> Said:
    """Pull a resource of the member's."""
    return {"uuid": (await able(client, "member", "PULL_RESOURCE"))[0]["uuid"]}


async def moved(client: Client, _: Said) -> Said:
    """Move a resource to the project of another."""
    first, *others = await able(client, "staff", "MOVE_RESOURCE")
    project = next(e["project"] for e in others if e["project"] != first["project"])
    return {"uuid": first["uuid"], "project": project["uuid"]}


async def renewed(client: Client, _: Said) -> Said:
    """Renew what a provider looks at who looks at each order."""
    found = await able(client, "staff", "RENEW_RESOURCE")
    uuid = next(e["uuid"] for e in found if e["offering"]["type"] == "Marketplace.Basic")
    return {"uuid": uuid, "extensionMonths": 12}


async def set_to_end(client: Client, _: Said) -> Said:
    """Have a resource of the owner's end some day."""
    found = await able(client, "owner", "SET_RESOURCE_END_DATE")
    return {"uuid": found[0]["uuid"], "endDate": "2099-12-31"}


async def chosen(client: Client, _: Said) -> Said:
    """Choose what is no number."""
    found = await able(client, "staff", "UPDATE_RESOURCE_OPTIONS")
    asks = [e for e in found if "notify_at" in e["offering"]["resourceOptions"]["options"]]
    return {"uuid": asks[0]["uuid"], "options": {"notify_at": "soon"}}


async def approved(client: Client, said: Said) -> Said:
    """Approve the renewal."""
    found = await client.ask(
        "query ($uuid: UUID!) { resource(uuid: $uuid) { orderInProgress { uuid } } }",
        uuid=said["renewResource"]["uuid"],
    )
    return {"uuid": found["data"]["resource"]["orderInProgress"]["uuid"]}


async def followed(_: Client, said: Said) -> Said:
    """Follow it."""
    return {"uuid": said["approveOrder"]["uuid"]}


GIVEN: dict[str, Callable[[Client, Said], Awaitable[Said]]] = {
    "pullResource": pulled,
    "moveResource": moved,
    "renewResource": renewed,
    "setResourceEndDate": set_to_end,
    "updateResourceOptions": chosen,
    "approveOrder": approved,
    "order": followed,
}
"""What each field is asked for with, given what others were."""


@pytest.mark.parametrize(
    ("page", "told"), [(PAGE, GIVEN.keys()), (README, [*GIVEN][:5])], ids=["changes", "README"]
)
async def test_each_answer_is_the_one_that_comes(
    client: Client, page: str, told: Collection[str]
) -> None:
    said: Said = {}
    for as_, document, answer in SHOWN.findall(page):
        (name,) = json.loads(answer)
        given = said[name] = await GIVEN[name](client, said)
        variables = given if name == "order" else {"input": given}
        came = await client.ask(document, as_, **variables)
        shown = re.sub(r'"[0-9a-f]{32}"', '"…"', json.dumps(came["data"], ensure_ascii=False))
        assert json.loads(shown) == json.loads(answer), name
    assert said.keys() == {*told}


def test_each_mutation_is_told_of() -> None:
    (mutations,) = re.findall(r"^type Mutation \{\n(.*?)^\}", SCHEMA, re.DOTALL | re.MULTILINE)
    names = re.findall(r"^  (\w+)\(", mutations, re.MULTILINE)
    assert names
    assert not [each for each in names if f"`{each}`" not in PAGE]


def test_each_problem_is_told_of() -> None:
    problems = re.findall(r"^type (\w+) implements Problem ", SCHEMA, re.MULTILINE)
    assert problems
    assert not [each for each in problems if f"`{each}`" not in PAGE]

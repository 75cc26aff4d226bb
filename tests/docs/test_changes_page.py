"""docs/changes.md and README.md show what happens."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.support.gateway_server import GatewayClient, serve_in_process
from tests.support.project_paths import PROJECT_ROOT

CHANGES_PAGE, README_PAGE, SCHEMA_SDL = (
    (PROJECT_ROOT / name).read_text(encoding="utf-8")
    for name in ("docs/changes.md", "README.md", "schema.graphql")
)
EXAMPLE_PATTERN = re.compile(r"```graphql as=(\w+)\n(.*?)```\s*```json\n(.*?)```", re.DOTALL)
RESOURCES_QUERY = """{ resources(first: 300) { nodes {
    uuid state allowedOperations project { uuid } offering { type name resourceOptions }
} } }"""
InputsByField = dict[str, Any]
"""What was answered so far, by the names of the fields."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(new_database: DatabaseFactory) -> AsyncIterator[GatewayClient]:
    """Give a client of a demo that may change."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=300, seed=1)
    async with serve_in_process(url) as client:
        yield client


async def list_operable_resources(
    client: GatewayClient, username: str, operation: str
) -> list[Any]:
    """Give the resources that are OK and on which somebody can carry out an operation."""
    nodes = (await client.execute_query(RESOURCES_QUERY, username))["data"]["resources"]["nodes"]
    return [
        node for node in nodes if operation in node["allowedOperations"] and node["state"] == "OK"
    ]


async def build_pull_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Pull a resource of the member's."""
    return {"uuid": (await list_operable_resources(client, "member", "PULL_RESOURCE"))[0]["uuid"]}


async def build_move_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Move a resource to the project of another."""
    resource, *other_resources = await list_operable_resources(client, "staff", "MOVE_RESOURCE")
    target_project = next(
        e["project"] for e in other_resources if e["project"] != resource["project"]
    )
    return {"uuid": resource["uuid"], "project": target_project["uuid"]}


async def build_renewal_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Renew what a provider looks at who looks at each order."""
    resources = await list_operable_resources(client, "staff", "RENEW_RESOURCE")
    uuid = next(e["uuid"] for e in resources if e["offering"]["type"] == "Marketplace.Basic")
    return {"uuid": uuid, "extensionMonths": 12}


async def build_end_date_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Have a resource of the owner's end some day."""
    resources = await list_operable_resources(client, "owner", "SET_RESOURCE_END_DATE")
    return {"uuid": resources[0]["uuid"], "endDate": "2099-12-31"}


async def build_options_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Choose what is no number."""
    resources = await list_operable_resources(client, "staff", "UPDATE_RESOURCE_OPTIONS")
    with_date_option = [
        e for e in resources if "notify_at" in e["offering"]["resourceOptions"]["options"]
    ]
    return {"uuid": with_date_option[0]["uuid"], "options": {"notify_at": "soon"}}


async def build_approval_input(
    client: GatewayClient, previous_inputs: InputsByField
) -> InputsByField:
    """Approve the renewal."""
    answer = await client.execute_query(
        "query ($uuid: UUID!) { resource(uuid: $uuid) { orderInProgress { uuid } } }",
        uuid=previous_inputs["renewResource"]["uuid"],
    )
    return {"uuid": answer["data"]["resource"]["orderInProgress"]["uuid"]}


async def build_order_arguments(_: GatewayClient, previous_inputs: InputsByField) -> InputsByField:
    """Follow it."""
    return {"uuid": previous_inputs["approveOrder"]["uuid"]}


INPUT_BUILDERS: dict[str, Callable[[GatewayClient, InputsByField], Awaitable[InputsByField]]] = {
    "pullResource": build_pull_input,
    "moveResource": build_move_input,
    "renewResource": build_renewal_input,
    "setResourceEndDate": build_end_date_input,
    "updateResourceOptions": build_options_input,
    "approveOrder": build_approval_input,
    "order": build_order_arguments,
}
"""What each field is asked for with, given what others were."""


@pytest.mark.parametrize(
    ("page", "documented_fields"),
    [(CHANGES_PAGE, INPUT_BUILDERS.keys()), (README_PAGE, [*INPUT_BUILDERS][:5])],
    ids=["changes", "README"],
)
async def test_documented_answers_are_real(
    client: GatewayClient, page: str, documented_fields: Collection[str]
) -> None:
    inputs_by_field: InputsByField = {}
    for username, document, answer in EXAMPLE_PATTERN.findall(page):
        (name,) = json.loads(answer)
        arguments = inputs_by_field[name] = await INPUT_BUILDERS[name](client, inputs_by_field)
        variables = arguments if name == "order" else {"input": arguments}
        actual_answer = await client.execute_query(document, username, **variables)
        normalised_answer = re.sub(
            r'"[0-9a-f]{32}"', '"…"', json.dumps(actual_answer["data"], ensure_ascii=False)
        )
        assert json.loads(normalised_answer) == json.loads(answer), name
    assert inputs_by_field.keys() == {*documented_fields}


def test_each_mutation_is_documented() -> None:
    (mutations,) = re.findall(r"^type Mutation \{\n(.*?)^\}", SCHEMA_SDL, re.DOTALL | re.MULTILINE)
    names = re.findall(r"^  (\w+)\(", mutations, re.MULTILINE)
    assert names
    assert not [each for each in names if f"`{each}`" not in CHANGES_PAGE]


def test_each_problem_is_documented() -> None:
    problems = re.findall(r"^type (\w+) implements Problem ", SCHEMA_SDL, re.MULTILINE)
    assert problems
    assert not [each for each in problems if f"`{each}`" not in CHANGES_PAGE]

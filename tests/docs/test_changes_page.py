"""docs/changes.md and README.md: documented mutations return the documented results."""

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
EXAMPLE_PATTERN = re.compile(
    r"(?:Variables:\s`([^`]*)`\s*)?```graphql as=(\w+)\n(.*?)```\s*```json\n(.*?)```", re.DOTALL
)
RESOURCES_QUERY = """{ resources(first: 300) { nodes {
    uuid state limits allowedOperations project { uuid } plan { name }
    offering { type name resourceOptions plans { uuid name } }
} } }"""
ORDER_IN_PROGRESS_QUERY = (
    "query ($uuid: UUID!) { resource(uuid: $uuid) { orderInProgress { uuid } } }"
)
ORDERABLE_QUERY = """{
    offerings(first: 1, filter: { name: "Research object storage" }) {
        nodes { uuid plans { uuid } } }
    projects(first: 1) { nodes { uuid } }
}"""
InputsByField = dict[str, Any]
"""The inputs of the mutations so far, by field name."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(new_database: DatabaseFactory) -> AsyncIterator[GatewayClient]:
    """Serve a demo of its own; yield a client."""
    url = new_database()
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=300, seed=1)
    async with serve_in_process(url) as client:
        yield client


def mask_uuids(value: Any) -> Any:
    """Return a JSON value with an ellipsis for each UUID."""
    return json.loads(re.sub(r'"[0-9a-f]{32}"', '"…"', json.dumps(value, ensure_ascii=False)))


async def list_operable_resources(
    client: GatewayClient, username: str, operation: str
) -> list[Any]:
    """Return the resources in state OK on which a user can execute an operation."""
    nodes = (await client.execute_query(RESOURCES_QUERY, username))["data"]["resources"]["nodes"]
    return [
        node for node in nodes if operation in node["allowedOperations"] and node["state"] == "OK"
    ]


async def build_pull_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to pull a resource as a member."""
    return {"uuid": (await list_operable_resources(client, "member", "PULL_RESOURCE"))[0]["uuid"]}


async def build_move_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to move a resource to another project."""
    resource, *other_resources = await list_operable_resources(client, "staff", "MOVE_RESOURCE")
    target_project = next(
        e["project"] for e in other_resources if e["project"] != resource["project"]
    )
    return {"uuid": resource["uuid"], "project": target_project["uuid"]}


async def build_renewal_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to renew a resource whose orders the provider has to approve."""
    resources = await list_operable_resources(client, "staff", "RENEW_RESOURCE")
    uuid = next(e["uuid"] for e in resources if e["offering"]["type"] == "Marketplace.Basic")
    return {"uuid": uuid, "extensionMonths": 12}


async def build_limits_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to change the only limit of a resource."""
    resources = await list_operable_resources(client, "staff", "UPDATE_RESOURCE_LIMITS")
    uuid = next(e["uuid"] for e in resources if e["offering"]["name"] == "Managed databases")
    return {"uuid": uuid, "limits": {"seats": 200}}


async def build_plan_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to switch a resource to the plan "Premium"."""
    resources = await list_operable_resources(client, "staff", "SWITCH_RESOURCE_PLAN")
    resource = next(
        e
        for e in resources
        if e["offering"]["name"] == "Research object storage" and e["plan"]["name"] == "Standard"
    )
    plans = resource["offering"]["plans"]
    return {
        "uuid": resource["uuid"],
        "plan": next(e["uuid"] for e in plans if e["name"] == "Premium"),
    }


async def build_reallocation_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to move limits from a resource to another one of the offering."""
    resources = await list_operable_resources(client, "staff", "REALLOCATE_RESOURCE_LIMITS")
    source, target = [
        e
        for e in resources
        if e["offering"]["name"] == "Project file shares" and e["limits"]["capacity"] > 5
    ][:2]
    limits = {"capacity": 5}
    targets = [{"resource": target["uuid"], "limits": limits}]
    return {"uuid": source["uuid"], "limits": limits, "targets": targets}


async def build_termination_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to terminate a resource as an administrator, who may list the order."""
    resources = await list_operable_resources(client, "admin", "TERMINATE_RESOURCE")
    return {"uuid": resources[0]["uuid"]}


async def build_restoration_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to restore a resource."""
    nodes = (await client.execute_query(RESOURCES_QUERY))["data"]["resources"]["nodes"]
    return {"uuid": next(e["uuid"] for e in nodes if "RESTORE_RESOURCE" in e["allowedOperations"])}


async def build_end_date_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to set the end date of a resource as an owner."""
    resources = await list_operable_resources(client, "owner", "SET_RESOURCE_END_DATE")
    return {"uuid": resources[0]["uuid"], "endDate": "2099-12-31"}


async def build_dates_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to adjust the dates of a prepaid resource."""
    resources = await list_operable_resources(client, "staff", "ADJUST_RESOURCE_DATES")
    dates = {"startDate": "2026-01-01", "endDate": "2099-12-31"}
    return {"uuid": resources[-1]["uuid"], **dates, "comment": "Delivered late."}


async def build_options_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to set an option to an invalid value."""
    resources = await list_operable_resources(client, "staff", "UPDATE_RESOURCE_OPTIONS")
    with_date_option = [
        e for e in resources if "notify_at" in e["offering"]["resourceOptions"]["options"]
    ]
    return {"uuid": with_date_option[0]["uuid"], "options": {"notify_at": "soon"}}


async def build_update_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to rename a resource as an owner."""
    resources = await list_operable_resources(client, "owner", "UPDATE_RESOURCE")
    return {"uuid": resources[0]["uuid"], "name": "Genome archive"}


async def build_provider_arguments(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the arguments to set values of a resource as its provider."""
    resources = await list_operable_resources(client, "provider", "SUBMIT_RESOURCE_REPORT")
    slurm_resources = [e for e in resources if e["offering"]["type"] == "Marketplace.Slurm"]
    return {"uuid": slurm_resources[0]["uuid"]}


async def build_staff_arguments(
    client: GatewayClient, previous_inputs: InputsByField
) -> InputsByField:
    """Return the arguments to delete the record of a resource that no other example uses."""
    used_uuids = [each.get("uuid") for each in previous_inputs.values()]
    resources = await list_operable_resources(client, "staff", "UNLINK_RESOURCE")
    return {"uuid": next(e["uuid"] for e in resources if e["uuid"] not in used_uuids)}


async def build_approval_input(
    client: GatewayClient, previous_inputs: InputsByField
) -> InputsByField:
    """Return the input to approve the order of the renewal."""
    arguments = {"uuid": previous_inputs["renewResource"]["uuid"]}
    result = await client.execute_query(ORDER_IN_PROGRESS_QUERY, **arguments)
    return {"uuid": result["data"]["resource"]["orderInProgress"]["uuid"]}


async def build_end_dates_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to set the end date of a resource, and of one that does not exist."""
    resources = await list_operable_resources(client, "owner", "SET_RESOURCE_END_DATE")
    return {"uuids": [resources[1]["uuid"], "0" * 32], "endDate": "2099-12-31"}


async def build_pulls_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to pull two resources as a member."""
    resources = await list_operable_resources(client, "member", "PULL_RESOURCE")
    return {"uuids": [each["uuid"] for each in resources[:2]]}


async def build_moves_input(client: GatewayClient, previous_inputs: InputsByField) -> InputsByField:
    """Return the input to move two resources to another project."""
    resources = await list_operable_resources(client, "staff", "MOVE_RESOURCE")
    project = previous_inputs["moveResource"]["project"]
    return {"uuids": [each["uuid"] for each in resources[:2]], "project": project}


async def build_terminations_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to terminate two resources under an idempotency key."""
    resources = await list_operable_resources(client, "admin", "TERMINATE_RESOURCE")
    uuids = [each["uuid"] for each in resources[:2]]
    return {"uuids": uuids, "idempotencyKey": "end of the course"}


async def place_renewals(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Place two orders that the provider has to approve; return the input to review them."""
    resources = await list_operable_resources(client, "staff", "RENEW_RESOURCE")
    uuids = [e["uuid"] for e in resources if e["offering"]["type"] == "Marketplace.Basic"][:2]
    document = """mutation ($input: RenewResourceInput!) {
        renewResource(input: $input) { ... on Accepted { order { uuid } } } }"""
    results = [
        await client.execute_query(document, input={"uuid": uuid, "extensionMonths": 12})
        for uuid in uuids
    ]
    return {"uuids": [each["data"]["renewResource"]["order"]["uuid"] for each in results]}


async def build_rejections_input(client: GatewayClient, inputs: InputsByField) -> InputsByField:
    """Return the input to reject two orders."""
    return {**await place_renewals(client, inputs), "comment": "Not this year."}


async def build_order_arguments(_: GatewayClient, previous_inputs: InputsByField) -> InputsByField:
    """Return the arguments to query that order."""
    return {"uuid": previous_inputs["approveOrder"]["uuid"]}


async def build_report_input(
    client: GatewayClient, previous_inputs: InputsByField
) -> InputsByField:
    """Return the input to report that the order of other limits has failed."""
    arguments = {"uuid": previous_inputs["updateResourceLimits"]["uuid"]}
    result = await client.execute_query(ORDER_IN_PROGRESS_QUERY, **arguments)
    order = result["data"]["resource"]["orderInProgress"]
    return {"uuid": order["uuid"], "state": "ERRED", "errorMessage": "No seats are left."}


async def build_retry_input(_: GatewayClient, previous_inputs: InputsByField) -> InputsByField:
    """Return the input to retry that order."""
    return {"uuid": previous_inputs["setOrderState"]["uuid"]}


async def build_preview_input(client: GatewayClient, _: InputsByField) -> InputsByField:
    """Return the input to order a resource with an invalid limit."""
    nodes = (await client.execute_query(ORDERABLE_QUERY, "admin"))["data"]
    (offering,) = nodes["offerings"]["nodes"]
    return {
        "offering": offering["uuid"],
        "plan": offering["plans"][0]["uuid"],
        "project": nodes["projects"]["nodes"][0]["uuid"],
        "name": "Measurements",
        "limits": {"capacity": 500, "snapshots": 9},
    }


async def build_order_input(_: GatewayClient, previous_inputs: InputsByField) -> InputsByField:
    """Return the previewed input with a valid limit."""
    return {**previous_inputs["orderPreview"], "limits": {"capacity": 500, "snapshots": 1}}


INPUT_BUILDERS: dict[str, Callable[[GatewayClient, InputsByField], Awaitable[InputsByField]]] = {
    "orderPreview": build_preview_input,
    "createOrder": build_order_input,
    "pullResource": build_pull_input,
    "moveResource": build_move_input,
    "renewResource": build_renewal_input,
    "updateResourceLimits": build_limits_input,
    "switchResourcePlan": build_plan_input,
    "reallocateResourceLimits": build_reallocation_input,
    "terminateResource": build_termination_input,
    "restoreResource": build_restoration_input,
    "setResourceEndDate": build_end_date_input,
    "adjustResourceDates": build_dates_input,
    "updateResourceOptions": build_options_input,
    "updateResource": build_update_input,
    "setResourceBackendId": build_provider_arguments,
    "setResourceSlug": build_staff_arguments,
    "approveOrder": build_approval_input,
    "order": build_order_arguments,
    "setOrderState": build_report_input,
    "retryOrder": build_retry_input,
    "setResourcesEndDate": build_end_dates_input,
    "pullResources": build_pulls_input,
    "moveResources": build_moves_input,
    "terminateResources": build_terminations_input,
    "approveOrders": place_renewals,
    "rejectOrders": build_rejections_input,
}
"""Builders of the inputs of documented operations, by first field, from the inputs before."""


@pytest.mark.parametrize(
    ("page", "documented_fields"),
    [(CHANGES_PAGE, INPUT_BUILDERS.keys()), (README_PAGE, ["pullResource"])],
    ids=["changes", "README"],
)
async def test_documented_results_are_real(
    client: GatewayClient, page: str, documented_fields: Collection[str]
) -> None:
    inputs_by_field: InputsByField = {}
    for documented_variables, username, document, documented_result in EXAMPLE_PATTERN.findall(
        page
    ):
        name, *_ = json.loads(documented_result)
        arguments = inputs_by_field[name] = await INPUT_BUILDERS[name](client, inputs_by_field)
        variables = {"input": arguments} if "$input" in document else arguments
        assert mask_uuids(variables) == json.loads(documented_variables), name
        result = await client.execute_query(document, username, **variables)
        assert mask_uuids(result["data"]) == json.loads(documented_result), name
    assert inputs_by_field.keys() == {*documented_fields}


async def test_a_resource_that_can_be_renewed_is_found(client: GatewayClient) -> None:
    (query,) = re.findall(r"```graphql\n(\{.*?)```", CHANGES_PAGE, re.DOTALL)
    nodes = (await client.execute_query(query, "owner"))["data"]["resources"]["nodes"]
    assert any("RENEW_RESOURCE" in node["allowedOperations"] for node in nodes)


def test_each_required_field_of_an_input_is_documented() -> None:
    (sentence,) = re.findall(r"^Required fields: (.*?)\n\n", CHANGES_PAGE, re.DOTALL | re.MULTILINE)
    input_types = re.findall(r"^    input: (\w+)!$", SCHEMA_SDL, re.MULTILINE)
    assert input_types
    for name in input_types:
        (fields,) = re.findall(
            rf"^input {name} \{{\n(.*?)^\}}", SCHEMA_SDL, re.DOTALL | re.MULTILINE
        )
        for field in re.findall(r"^  (\w+): [^\n=]*!$", fields, re.MULTILINE):
            assert f"`{field}`" in sentence, (name, field)


def test_each_mutation_is_documented() -> None:
    (mutations,) = re.findall(r"^type Mutation \{\n(.*?)^\}", SCHEMA_SDL, re.DOTALL | re.MULTILINE)
    names = re.findall(r"^  (\w+)\(", mutations, re.MULTILINE)
    assert names
    assert not [each for each in names if f"`{each}`" not in CHANGES_PAGE]


def test_each_problem_is_documented() -> None:
    problems = re.findall(r"^type (\w+) implements Problem ", SCHEMA_SDL, re.MULTILINE)
    assert problems
    assert not [each for each in problems if f"`{each}`" not in CHANGES_PAGE]

"""Mutations over the rows of October 2024, answered as Waldur answered then."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
import pytest_asyncio

from tests.support import waldur_2024
from tests.support.documented_role import StatementLog, create_documented_role, list_writes
from tests.support.gateway_server import GatewayClient, serve_in_process
from tests.support.recorded_waldur import (
    RecordedAnswer,
    RecordedWaldur,
    find_action,
    load_recorded_answers,
)
from tests.support.rest_server import RestServer, run_rest_server

ANSWERS = load_recorded_answers()
NOT_EXPRESSIBLE = {
    "post_create_resource": "POST on the collection is not an operation",
    "post_suggest_name": "a query here",
    "post_move_resource_missing": "GraphQL requires the project",
    "post_set_end_date_by_staff_staff_bad": "GraphQL refuses the date",
    "post_set_end_date_by_provider_via_consumer_url": "the gateway knows the collection",
    "post_set_end_date_by_staff_by_support": "the gateway sends support to the provider's action",
}
"""Recorded requests that no mutation stands for, and why."""
ACCEPTED_BY_ACTION = {
    ANSWERS[name].action: ANSWERS[name]
    for name in (
        "post_move_resource_staff",
        "post_set_end_date_by_provider_provider",
        "post_set_end_date_by_staff_staff",
        "post_terminate_staff",
        "post_update_limits_staff",
        "post_update_options_staff",
    )
}
REFUSED: Mapping[str, tuple[str, ...]] = {
    "post_move_resource_bad_project": ("InvalidInput", "project"),
    "post_move_resource_member": ("NotPermitted",),
    "post_move_resource_provider": ("NotPermitted",),
    "post_move_resource_support": ("NotPermitted",),
    "post_pull_project_member_c0": ("NotFound",),
    "post_pull_provider_a_owner": ("Unavailable",),
    "post_pull_staff": ("Unavailable",),
    "post_renew_project_member_c0": ("NotFound",),
    "post_renew_provider_a_owner": ("Unavailable",),
    "post_renew_staff": ("Unavailable",),
    "post_set_end_date_by_provider_provider_other": ("NotFound",),
    "post_set_end_date_by_provider_provider_past": ("InvalidInput", "endDate"),
    "post_set_end_date_by_staff_by_member": ("NotPermitted",),
    "post_set_end_date_by_staff_staff_past": ("InvalidInput", "endDate"),
    "post_terminate_bad_state": ("WrongState",),
    "post_unlink_member": ("NotPermitted",),
    "post_update_limits_over_max": ("InvalidInput", "limits.db_gb"),
    "post_update_limits_same": ("InvalidInput", "limits"),
    "post_update_options_bad_type": ("InvalidInput", "options.nodes"),
    "post_update_options_member": ("NotPermitted",),
    "post_update_options_no_metadata": ("NotPossible",),
    "post_update_options_out_of_range": ("InvalidInput", "options.nodes"),
}
"""Types of the results, and the paths of invalid fields.

All but the dates of the past are found by our own checks, so that nothing is sent.
"""
ACCEPTED = [
    name
    for name, each in ANSWERS.items()
    if each.status < 300 and name not in (*REFUSED, *NOT_EXPRESSIBLE)
]
TYPES_BY_STATUS = {400: "InvalidInput", 403: "NotPermitted", 404: "NotFound", 409: "Conflict"}
SELECTION = """__typename ... on Problem { message } ... on WrongState { state }
... on InvalidInput { fields { path message } } ... on Unavailable { retryable }
... on Accepted { resource { uuid } }"""


class Scene(NamedTuple):
    """A gateway over the rows of 2024, and the server that it sends requests to."""

    client: GatewayClient
    server: RestServer
    waldur: RecordedWaldur


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served_scene(waldur2024_url: str) -> AsyncIterator[Scene]:
    """Yield a gateway that connects by the documented role."""
    with psycopg.connect(waldur2024_url) as connection:
        tokens = waldur_2024.select_tokens(connection)
    with create_documented_role(waldur2024_url) as url, run_rest_server() as server:
        waldur = RecordedWaldur(server, {key: name for name, key in tokens.items()})
        async with serve_in_process(url, waldur_url=server.url, keep_tokens="0") as client:
            yield Scene(client, server, waldur)


@pytest.fixture
def scene(served_scene: Scene, server_folder: Path) -> Iterator[Scene]:
    """Yield the scene without requests; its role must not write."""
    statement_log = StatementLog(server_folder)
    served_scene.server.requests.clear()
    served_scene.waldur.unknown_requests.clear()
    served_scene.server.respond = served_scene.waldur.respond
    yield served_scene
    assert list_writes(statement_log.take_statements()) == []


def build_mutation(answer: RecordedAnswer) -> tuple[str, dict[str, Any]]:
    """Return the mutation that stands for a recorded request, and its input."""
    body: dict[str, Any] = answer.body
    fields: dict[str, tuple[str, dict[str, Any]]] = {
        "pull": ("pullResource", {}),
        "renew": ("renewResource", {"extensionMonths": body.get("extension_months")}),
        "move_resource": (
            "moveResource",
            {"project": body.get("project", {}).get("url", "").split("/")[-2:][0]},
        ),
        "set_as_erred": ("setResourceState", {"state": {"erred": {}}}),
        "set_backend_id": (
            "setResourceBackendId",
            {"identifier": {"backendId": body.get("backend_id")}},
        ),
        "set_slug": ("setResourceSlug", {"slug": body.get("slug")}),
        "submit_report": ("submitResourceReport", body),
        "terminate": ("terminateResource", {}),
        "unlink": ("unlinkResource", {}),
        "update_limits": ("updateResourceLimits", body),
        "update_options": ("updateResourceOptions", body),
    }
    end_date = {"endDate": body["end_date"]} if "end_date" in body else {}
    field, values = fields.get(answer.action, ("setResourceEndDate", end_date))
    return field, {"uuid": answer.uuid, **values}


async def send_mutation(scene: Scene, answer: RecordedAnswer, username: str) -> Any:
    """Run the mutation that stands for a recorded request and return its result."""
    field, values = build_mutation(answer)
    document = (
        f"mutation ($input: {field[0].upper()}{field[1:]}Input!)"
        f" {{ {field}(input: $input) {{ {SELECTION} }} }}"
    )
    content = json.dumps({"query": document, "variables": {"input": values}}).encode()
    return (await scene.client.post(content, username)).json()["data"][field]


def list_leaf_paths(errors: Any) -> list[list[str]]:
    """Return the paths of the messages in an answer, as our inputs spell them."""
    if not isinstance(errors, dict):
        return []
    return [
        ["endDate" if name == "end_date" else name, *path]
        for name, value in errors.items()
        for path in list_leaf_paths(value) or [[]]
    ]


@pytest.mark.parametrize("name", [*ACCEPTED])
async def test_accepted_requests(scene: Scene, name: str) -> None:
    answer = ANSWERS[name]
    result = await send_mutation(scene, answer, answer.username)
    assert scene.waldur.unknown_requests == []
    assert result["resource"] == {"uuid": answer.uuid}
    last_path = scene.server.requests[-1].path
    assert last_path.split("/")[3] == answer.uuid
    assert (find_action(last_path) == answer.action) or "set_end_date_by_staff" in last_path


@pytest.mark.parametrize("name", [*REFUSED])
async def test_refused_requests(scene: Scene, name: str) -> None:
    answer, (type_name, *paths) = ANSWERS[name], REFUSED[name]
    result = await send_mutation(scene, answer, answer.username)
    assert result["__typename"] == type_name
    assert [".".join(each["path"]) for each in result.get("fields", ())] == paths
    if type_name == "Unavailable":
        assert build_mutation(answer)[0] in result["message"]
        assert not result["retryable"]
    sent_actions = [find_action(each.path) for each in scene.server.requests]
    assert [each for each in sent_actions if each != "set_end_date"] == (
        [answer.action] if name.endswith("_past") else []
    )
    assert scene.waldur.unknown_requests == []


def test_each_recorded_request_is_sent_or_has_a_reason() -> None:
    assert sorted([*ACCEPTED, *REFUSED, *NOT_EXPRESSIBLE]) == sorted(ANSWERS)


@pytest.mark.parametrize(
    "name",
    [
        each.name
        for each in ANSWERS.values()
        if each.status >= 300 and each.action in ACCEPTED_BY_ACTION
    ],
)
async def test_refusals_that_our_checks_have_not_found(scene: Scene, name: str) -> None:
    """The recorded refusal is the answer to a request that our own checks have passed."""
    answer = ANSWERS[name]
    accepted = ACCEPTED_BY_ACTION[answer.action]
    scene.server.respond = lambda _: answer.build_response()
    result = await send_mutation(scene, accepted, accepted.username)
    is_page = isinstance(answer.content, str)
    assert result["__typename"] == ("Unavailable" if is_page else TYPES_BY_STATUS[answer.status])
    if answer.status == 400:
        assert [each["path"] for each in result["fields"]] == list_leaf_paths(answer.content)

"""Paths of invalid values in Waldur's answers are those of our inputs."""

from collections.abc import Sequence
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, get_named_type
from strawberry.utils.str_converters import to_camel_case

from gateway.api import schema
from gateway.rest_api.rest_routes import REST_ROUTES
from tests.rest_api.conftest import RestScene
from tests.rest_api.test_rest_routes import iter_declared_operations
from tests.support.rest_wishes import send_wish

REFUSALS: dict[str, tuple[Any, list[str]]] = {
    "createOrder": ({"attributes": {"name": ["Long."]}}, ["name"]),
    "createOrder, name": ({"name": ["Long."]}, ["name"]),
    "createOrder, attributes": (
        {"attributes": {"my_key": ["Odd."]}},
        ["attributes", "my_key"],
    ),
    "createOrder, terms": ({"accepting_terms_of_service": ["No."]}, ["acceptTermsOfService"]),
    "moveResource": ({"project": {"url": ["No project."]}}, ["project"]),
    "switchResourcePlan": ({"plan": ["Archived."]}, ["plan"]),
    "renewResource": ({"extension_months": ["Few."]}, ["extensionMonths"]),
    "renewResource, attachment": ({"attachment": ["No PDF."]}, ["attachment"]),
    "updateResourceLimits": ({"limits": {"gpu_hours": ["Many."]}}, ["limits", "gpu_hours"]),
    "reallocateResourceLimits": (
        {"targets": [{"resource_uuid": ["None."]}]},
        ["targets", "0", "resource"],
    ),
    "reallocateResourceLimits, limits": (
        {"targets": [{"allocated_limits": {"gpu_hours": ["Many."]}}]},
        ["targets", "0", "limits", "gpu_hours"],
    ),
    "setResourceFlags, restrictMemberAccess": (
        {"restrict_member_access": ["Odd."]},
        ["flag", "restrictMemberAccess"],
    ),
    "setResourceBackendId, backendId": (
        {"backend_id": ["Already in use."]},
        ["identifier", "backendId"],
    ),
    "setResourceState, erred": (
        {"error_traceback": ["Odd."]},
        ["state", "erred", "traceback"],
    ),
    "setResourceEndpoints": (
        {"endpoints": [{"url": ["Odd."]}]},
        ["endpoints", "0", "url"],
    ),
    "rejectOrder, provider": ({"provider_rejection_comment": ["Odd."]}, ["comment"]),
    "setOrderState, ERRED": ({"error_traceback": ["Odd."]}, ["errorTraceback"]),
    "adjustResourceDates": ({"start_date": ["Late."]}, ["startDate"]),
}
"""Waldur's answers to wishes, and the path in our input."""


@pytest.mark.parametrize("name", REFUSALS)
async def test_refusals_have_paths_of_our_inputs(rest_scene: RestScene, name: str) -> None:
    body, path = REFUSALS[name]
    requests = rest_scene.answer_all((400, body))
    result = (await send_wish(rest_scene.demo, find_wish(name))).result
    assert result["__typename"] == "InvalidInput"
    assert [each["path"] for each in result["fields"]] == [path]
    assert len(requests) == 1


def find_wish(name: str) -> str:
    """Return the wish of a case."""
    is_other_case = name.split(", ", maxsplit=1)[0] in ("createOrder", "reallocateResourceLimits")
    return name.split(", ", maxsplit=1)[0] if is_other_case else name


def test_declared_paths_lead_to_fields_of_the_inputs() -> None:
    mutation_type = schema._schema.mutation_type
    assert mutation_type is not None
    checked_count = 0
    for name, operation in iter_declared_operations():
        field = mutation_type.fields[to_camel_case(name)]
        for action in REST_ROUTES[operation].actions:
            for path in action.input_paths.values():
                check_path(field.args["input"].type, path)
                checked_count += 1
    assert checked_count > 15


def check_path(input_type: Any, path: Sequence[str]) -> None:
    """Assert that a path leads to a field of an input type."""
    for name in path:
        if name != "*":
            named_type = get_named_type(input_type)
            assert isinstance(named_type, GraphQLInputObjectType)
            input_type = named_type.fields[name].type

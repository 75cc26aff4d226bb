"""End dates and limits: what versions and Waldur's own traps require of their requests."""

from typing import Any

import pytest
from starlette.responses import HTMLResponse

from tests.rest_api.conftest import RestScene

END_DATE_SQL = "update marketplace_resource set end_date = %s where uuid = %s"
MISSING_ROUTE = (404, HTMLResponse("Not Found", 404))
PLAIN_CONDITION = "r.state = 2 and o.type = 'OpenStack.Tenant'"
TOO_EARLY = {"end_date": ["Please set at least 7 days in advance."]}


async def find_resource(rest_scene: RestScene, operation: str, username: str = "staff") -> str:
    """Return a resource that is not prepaid and allows a user an operation."""
    uuids = await rest_scene.demo.find_operable_resources(operation, username, PLAIN_CONDITION)
    return uuids[0]


@pytest.mark.parametrize("end_date", ["2099-03-01", None])
@pytest.mark.parametrize("values", [{"name": "Renamed"}, {"description": ""}])
async def test_an_update_keeps_the_end_date(
    rest_scene: RestScene, values: dict[str, Any], end_date: str | None
) -> None:
    """Waldur clears one that is left out."""
    uuid = await find_resource(rest_scene, "UPDATE_RESOURCE")
    rest_scene.demo.run_sql(END_DATE_SQL, end_date, uuid)
    requests = rest_scene.answer_all((200, {}))
    result = await rest_scene.demo.run_mutation("updateResource", uuid=uuid, **values)
    assert result["__typename"] == "ResourceUpdated"
    assert [each.body for each in requests] == [{**values, "end_date": end_date}]


async def test_an_update_clears_the_end_date_only_on_request(rest_scene: RestScene) -> None:
    uuid = await find_resource(rest_scene, "UPDATE_RESOURCE")
    rest_scene.demo.run_sql(END_DATE_SQL, "2099-03-01", uuid)
    requests = rest_scene.answer_all((200, {}))
    await rest_scene.demo.run_mutation("updateResource", uuid=uuid, endDate=None)
    assert [each.body for each in requests] == [{"end_date": None}]


async def test_a_refused_end_date_that_was_sent_along_is_named(rest_scene: RestScene) -> None:
    uuid = await find_resource(rest_scene, "UPDATE_RESOURCE")
    rest_scene.demo.run_sql(END_DATE_SQL, "2020-03-01", uuid)
    rest_scene.answer_all((400, {"end_date": ["Cannot be earlier than the current date."]}))
    result = await rest_scene.demo.run_mutation("updateResource", uuid=uuid, name="Renamed")
    assert result["__typename"] == "InvalidInput"
    assert [each["path"] for each in result["fields"]] == [["endDate"]]
    assert result["message"].endswith(
        "Waldur checks the end date in each update: the current one, 2020-03-01, was sent."
    )


@pytest.mark.parametrize(
    ("username", "collection", "action"),
    [
        ("staff", "marketplace-resources", "set_end_date_by_staff"),
        ("provider", "marketplace-provider-resources", "set_end_date_by_provider"),
    ],
)
async def test_older_rules_are_named(
    rest_scene: RestScene, username: str, collection: str, action: str
) -> None:
    uuid = await find_resource(rest_scene, "SET_RESOURCE_END_DATE", username)
    requests = rest_scene.answer_all(MISSING_ROUTE, (400, TOO_EARLY))
    async with rest_scene.serve_again() as demo:
        result = await demo.run_mutation(
            "setResourceEndDate", username, uuid=uuid, endDate="2026-01-01"
        )
    paths = [each.path.removeprefix(f"/waldur/api/{collection}/{uuid}/") for each in requests]
    assert paths == ["set_end_date/", f"{action}/"]
    assert (result["__typename"], result["fields"][0]["path"]) == ("InvalidInput", ["endDate"])
    assert f"This Waldur has only the older action {action}" in result["message"]
    assert "7 days" in result["message"]
    assert "90 days" in result["message"]


@pytest.mark.parametrize("end_date", ["2099-03-01", None])
async def test_older_versions_keep_a_date_that_is_left_out(
    rest_scene: RestScene, end_date: str | None
) -> None:
    """Their actions clear it otherwise."""
    uuid = await find_resource(rest_scene, "SET_RESOURCE_END_DATE")
    rest_scene.demo.run_sql(END_DATE_SQL, end_date, uuid)
    requests = rest_scene.answer_all(MISSING_ROUTE, (200, {}))
    async with rest_scene.serve_again() as demo:
        result = await demo.run_mutation("setResourceEndDate", uuid=uuid)
    assert result["__typename"] == "ResourceEndDateSet"
    assert [each.body for each in requests] == [{}, {"end_date": end_date}]


async def test_older_versions_have_nothing_for_consumers(rest_scene: RestScene) -> None:
    uuid = await find_resource(rest_scene, "SET_RESOURCE_END_DATE", "owner")
    requests = rest_scene.answer_all(MISSING_ROUTE)
    async with rest_scene.serve_again() as demo:
        result = await demo.run_mutation(
            "setResourceEndDate", "owner", uuid=uuid, endDate="2099-03-01"
        )
    assert result["__typename"] == "Unavailable"
    assert "8.0.7" in result["message"]
    assert len(requests) == 1


@pytest.mark.parametrize(
    "field", ["setResourceLimits", "updateResourceLimits", "reallocateResourceLimits"]
)
async def test_empty_limits_are_not_sent(rest_scene: RestScene, field: str) -> None:
    (uuid, other, *_) = await rest_scene.demo.find_operable_resources(
        "REALLOCATE_RESOURCE_LIMITS", condition=PLAIN_CONDITION
    )
    requests = rest_scene.answer_all((200, {}))
    targets = [{"resource": other, "limits": {}}]
    values: dict[str, Any] = {"targets": targets} if field == "reallocateResourceLimits" else {}
    result = await rest_scene.demo.run_mutation(field, uuid=uuid, limits={}, **values)
    assert result["__typename"] == "InvalidInput"
    assert ["limits"] in [each["path"] for each in result["fields"]]
    assert requests == []

"""What Waldur refuses after our own checks is a typed problem, too, and changes nothing."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from starlette.responses import HTMLResponse, JSONResponse, Response

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo
from tests.support.permission_cases import PERMISSION_CASES, find_input
from tests.support.rest_server import RecordedRequest
from tests.support.twin_demos import TwinDemos, send_mutation, serve_twin_demos

SETUP_SQL = """
delete from policy_customerestimatedcostpolicy;
delete from policy_projectestimatedcostpolicy;
update marketplace_offering set plugin_options = plugin_options || '{"can_restore_resource": true}'
"""
START_SQL = "update marketplace_resource set state = 4 where uuid = %s"
REVOKE_SQL = """
update permissions_userrole set is_active = false
where user_id = (select id from core_user where username = 'owner') and %s::uuid is not null
"""
DETAIL = "It is not your turn."


class Refusal(NamedTuple):
    """An answer of Waldur, and what the client gets for it."""

    status: int
    body: Any
    type_name: str
    headers: Mapping[str, str] = {}
    message: str = DETAIL

    def answer_request(self, _request: RecordedRequest) -> Response:
        """Return the answer."""
        return JSONResponse(self.body, self.status, self.headers)


REFUSALS = (
    Refusal(400, {"non_field_errors": [DETAIL]}, "InvalidInput"),
    Refusal(400, [DETAIL], "InvalidInput"),
    Refusal(400, {"error_message": DETAIL}, "InvalidInput"),
    Refusal(401, {"detail": "Invalid token."}, "UNAUTHENTICATED"),
    Refusal(403, {"detail": DETAIL}, "NotPermitted"),
    Refusal(404, {"detail": "No Resource matches the given query."}, "NotFound", message=""),
    Refusal(409, {"detail": DETAIL}, "Conflict"),
    Refusal(429, {"detail": "Throttled."}, "Unavailable", {"Retry-After": "7"}, ""),
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def twins(new_database: DatabaseFactory) -> AsyncIterator[TwinDemos]:
    """Yield two equal demos; the first one is not used."""
    async with serve_twin_demos(new_database, 100, SETUP_SQL) as twin_demos:
        yield twin_demos


@pytest.fixture
def demo(twins: TwinDemos) -> MutableDemo:
    """Return the demo that is changed through Waldur's REST API."""
    return twins.remote


async def send_as_waldur(
    twins: TwinDemos,
    field: str,
    input_values: Mapping[str, Any],
    override: Callable[[RecordedRequest], Response | None],
    as_: str = "staff",
) -> Any:
    """Run a mutation whose request is answered by `override`; it must be the only one."""
    twins.stand_in.take_requests()
    twins.stand_in.override = override
    try:
        response = await send_mutation(twins.remote, field, input_values, as_)
    finally:
        twins.stand_in.override = lambda _request: None
    (request,) = twins.stand_in.take_requests()
    assert request.headers["x-request-id"]
    assert twins.stand_in.violations == []
    return response


@pytest.mark.parametrize("operation", PERMISSION_CASES)
async def test_refusals_of_each_operation(twins: TwinDemos, operation: str) -> None:
    demo, field = twins.remote, PERMISSION_CASES[operation].field
    input_values = await find_input(demo, operation)
    before = demo.digest_tables()
    for refusal in REFUSALS:
        response = await send_as_waldur(twins, field, input_values, refusal.answer_request)
        if refusal.status == 401:
            assert response["errors"][0]["extensions"]["code"] == refusal.type_name
            continue
        result = response["data"][field]
        assert result["__typename"] == refusal.type_name, refusal
        assert refusal.message in result["message"]
    assert demo.digest_tables() == before
    demo.run_sql("update marketplace_resource set state = 2 where uuid = %s", input_values["uuid"])


@pytest.mark.parametrize(
    ("meanwhile_sql", "type_names"),
    [(START_SQL, {"Conflict", "WrongState"}), (REVOKE_SQL, {"NotFound"})],
)
async def test_changes_between_check_and_request(
    twins: TwinDemos, demo: MutableDemo, meanwhile_sql: str, type_names: set[str]
) -> None:
    (uuid, *_) = await demo.find_operable_resources("TERMINATE_RESOURCE", "owner", "r.state = 2")
    orders = demo.run_sql("select count(*) from marketplace_order")

    def change_meanwhile(_request: RecordedRequest) -> None:
        demo.run_sql(meanwhile_sql, uuid)

    response = await send_as_waldur(
        twins, "terminateResource", {"uuid": uuid}, change_meanwhile, "owner"
    )
    assert response["data"]["terminateResource"]["__typename"] in type_names
    assert demo.run_sql("select count(*) from marketplace_order") == orders
    demo.run_sql("update marketplace_resource set state = 2 where uuid = %s", uuid)
    demo.run_sql("update permissions_userrole set is_active = true where not is_active")


async def test_limits_that_became_invalid_meanwhile(twins: TwinDemos, demo: MutableDemo) -> None:
    condition = "r.state = 2 and o.name = 'Project file shares' and r.limits ? 'capacity'"
    uuid = (await demo.find_operable_resources("UPDATE_RESOURCE_LIMITS", condition=condition))[0]

    def lower_maximum(_request: RecordedRequest) -> None:
        demo.run_sql("update marketplace_offeringcomponent set max_value = 1")

    limits = {"capacity": 7, "snapshots": 1}
    response = await send_as_waldur(
        twins, "updateResourceLimits", {"uuid": uuid, "limits": limits}, lower_maximum
    )
    result = response["data"]["updateResourceLimits"]
    assert result["__typename"] == "InvalidInput"
    assert [each["path"] for each in result["fields"]] == [["limits", "capacity"]]
    demo.run_sql("update marketplace_offeringcomponent set max_value = null")


async def test_pages_are_no_answers_of_waldur(twins: TwinDemos, demo: MutableDemo) -> None:
    """A page in place of an accepted answer does not tell whether the change was made."""
    (uuid, *_) = await demo.find_operable_resources("SET_RESOURCE_SLUG")
    response = await send_as_waldur(
        twins,
        "setResourceSlug",
        {"uuid": uuid, "slug": "x"},
        lambda _request: HTMLResponse("<h1>Log in</h1>"),
    )
    assert response["data"]["setResourceSlug"]["__typename"] == "Unavailable"

"""Mutations with personal access tokens: each needs its permission as a scope (rules.md §2)."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import (
    FINISH_ORDERS_SQL,
    RESULT_SELECTION,
    MutableDemo,
    serve_mutable_demo,
)
from tests.support.permission_cases import (
    ARGUMENTS_SQL,
    PERMISSION_CASES,
    RESET_COPIES_SQL,
    RESOURCE_STATES,
    find_resource,
)
from tests.support.personal_tokens import ENABLE_SQL, bind_object, create_token, post_with_token

USERNAMES = ("staff", "support", "owner", "member", "provider")
STAFF_OPERATIONS = (
    "MOVE_RESOURCE",
    "ADJUST_RESOURCE_DATES",
    "SET_RESOURCE_SLUG",
    "SET_RESOURCE_FLAGS",
)
SCOPES: Mapping[str, str | None] = {
    "PULL_RESOURCE": None,
    **dict.fromkeys(STAFF_OPERATIONS, "STAFF.ACCESS"),
    "RENEW_RESOURCE": "RESOURCE.SET_LIMITS",
    "SET_RESOURCE_END_DATE": "RESOURCE.SET_END_DATE",
    "UPDATE_RESOURCE_OPTIONS": "RESOURCE.UPDATE_OPTIONS",
    "UPDATE_RESOURCE_LIMITS": "RESOURCE.SET_LIMITS",
    "SWITCH_RESOURCE_PLAN": "RESOURCE.SET_PLAN",
    "REALLOCATE_RESOURCE_LIMITS": "RESOURCE.SET_LIMITS",
    "TERMINATE_RESOURCE": "RESOURCE.TERMINATE",
    "RESTORE_RESOURCE": "RESOURCE.SET_STATE",
    "UPDATE_RESOURCE": "RESOURCE.UPDATE",
    "SET_RESOURCE_BACKEND_ID": "RESOURCE.SET_BACKEND_ID",
    "SET_RESOURCE_BACKEND_METADATA": "RESOURCE.SET_BACKEND_METADATA",
    "SET_RESOURCE_ENDPOINTS": "RESOURCE.SET_BACKEND_METADATA",
    "SET_RESOURCE_LIMITS": "RESOURCE.SET_STATE",
    "SET_RESOURCE_STATE": "RESOURCE.SET_STATE",
    "SUBMIT_RESOURCE_REPORT": "RESOURCE.SUBMIT_REPORT",
    "REFRESH_RESOURCE_LAST_SYNC": "RESOURCE.SET_STATE",
}
"""The scope that each operation needs; None for what needs only visibility."""
ALL_SCOPES = {
    *filter(None, SCOPES.values()),
    "SUPPORT.ACCESS",
    "ORDER.APPROVE",
    "ORDER.REJECT",
    "ORDER.CANCEL",
    "ORDER.CREATE",
}
ORDER_SCOPES = {
    "approveOrder": ("ORDER.APPROVE", 1, {}),
    "rejectOrder": ("ORDER.REJECT", 1, {}),
    "cancelOrder": ("ORDER.CANCEL", 1, {}),
    "setOrderState": ("ORDER.APPROVE", 7, {"state": "EXECUTING"}),
    "retryOrder": ("ORDER.APPROVE", 4, {}),
}
"""The scope that each mutation of an order needs, the order's state, and more input."""


SAVE_SQL = """
update marketplace_order set state = 3 where state in (1, 2, 7, 8, 9);
update marketplace_resource set state = 2 where state in (3, 4, 5);
create table saved_resource as table marketplace_resource;
create table saved_order as table marketplace_order
"""
RESTORE_SQL = """
update marketplace_order set state = 3 where id not in (select id from saved_order);
update marketplace_order o set state = s.state, type = s.type from saved_order s where s.id = o.id;
update marketplace_resource r set state = s.state, project_id = s.project_id, plan_id = s.plan_id,
    limits = s.limits, options = s.options, end_date = s.end_date, backend_id = s.backend_id
from saved_resource s where s.id = r.id
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo whose users may use such tokens."""
    async with serve_mutable_demo(
        new_database(), 300, setup_sql=f"{ENABLE_SQL};{SAVE_SQL}"
    ) as mutable_demo:
        yield mutable_demo


@pytest.fixture(autouse=True)
def restore_rows(demo: MutableDemo) -> None:
    """Restore the resources and orders that other tests have changed."""
    demo.run_sql(RESTORE_SQL)


async def run_with_token(demo: MutableDemo, token: str, field: str, **input_values: Any) -> Any:
    """Run a mutation with a token and return its result, which must have no errors."""
    document = (
        f"mutation ($input: {field[0].upper()}{field[1:]}Input!)"
        f" {{ {field}(input: $input) {{ {RESULT_SELECTION} }} }}"
    )
    response = await post_with_token(demo.client, token, document, input=input_values)
    body = response.json()
    assert "errors" not in body, body["errors"]
    return body["data"][field]


async def list_allowed_operations(demo: MutableDemo, token: str, uuid: str) -> list[str] | None:
    """Return the operations that a token allows on a resource; None if it is hidden."""
    query = "query ($uuid: UUID!) { resource(uuid: $uuid) { allowedOperations } }"
    body = (await post_with_token(demo.client, token, query, uuid=uuid)).json()
    resource = body["data"]["resource"]
    return None if resource is None else list(resource["allowedOperations"])


class OperationTrial:
    """An operation on a resource that is repeated in the same state."""

    def __init__(self, demo: MutableDemo, operation: str, uuid: str) -> None:
        self.demo, self.operation, self.uuid = demo, operation, uuid
        case = PERMISSION_CASES[operation]
        self.field, self.payload_type = case.field, case.payload_type
        self.state = "OK" if "OK" in case.allowed_states else case.allowed_states[0]
        rows = demo.run_sql(ARGUMENTS_SQL[operation], uuid) if operation in ARGUMENTS_SQL else []
        self.arguments = {**case.arguments, **dict(rows)}

        ((self.id, self.project_id),) = demo.run_sql(
            "select id, project_id from marketplace_resource where uuid = %s", uuid
        )

    def reset_resource(self) -> None:
        """Finish the orders of the resource, set its state, and move it back."""
        self.demo.run_sql(FINISH_ORDERS_SQL, self.id)
        self.demo.run_sql(RESET_COPIES_SQL)
        self.demo.run_sql(
            "update marketplace_resource set state = %s, project_id = %s where id = %s",
            RESOURCE_STATES[self.state],
            self.project_id,
            self.id,
        )

    async def run_as_user(self, username: str) -> Any:
        """Run the operation with the token of a login."""
        self.reset_resource()
        return await self.demo.run_mutation(self.field, username, uuid=self.uuid, **self.arguments)

    async def run_as_token(self, username: str, scopes: Iterable[str], **values: Any) -> Any:
        """Run the operation with a token; the operations that it allows must say the same."""
        self.reset_resource()
        token = create_token(self.demo.connection, username, scopes, **values)
        allowed = await list_allowed_operations(self.demo, token, self.uuid) or []
        result = await run_with_token(
            self.demo, token, self.field, uuid=self.uuid, **self.arguments
        )
        assert (self.operation in allowed) == (result["__typename"] == self.payload_type), result
        return result


def describe_result(result: Any) -> tuple[Any, ...]:
    """Return what is compared of a result."""
    order = result.get("order")
    return result["__typename"], order and order["state"]


@pytest.mark.parametrize("operation", SCOPES)
async def test_operation_needs_its_scope(demo: MutableDemo, operation: str) -> None:
    trial = OperationTrial(demo, operation, await find_resource(demo, operation))
    scope = SCOPES[operation]
    for username in USERNAMES:
        expected = describe_result(await trial.run_as_user(username))
        with_scope = await trial.run_as_token(username, [scope] if scope else [])
        assert describe_result(with_scope) == expected, username
        if scope is None or expected[0] == "NotFound":
            continue
        without_scope = await trial.run_as_token(username, ALL_SCOPES - {scope})
        assert without_scope["__typename"] == "NotPermitted", username
        assert without_scope["message"] == f"The personal access token lacks the scope {scope}."


def test_each_operation_has_a_scope() -> None:
    assert SCOPES.keys() == PERMISSION_CASES.keys()


async def test_unlinking_needs_the_scope_of_staff(demo: MutableDemo) -> None:
    uuid = (await demo.find_operable_resources("UNLINK_RESOURCE"))[-1]
    for username, scopes in (("staff", ALL_SCOPES - {"STAFF.ACCESS"}), ("owner", ALL_SCOPES)):
        token = create_token(demo.connection, username, scopes)
        result = await run_with_token(demo, token, "unlinkResource", uuid=uuid)
        assert result["__typename"] in ("NotPermitted", "NotFound")
    token = create_token(demo.connection, "staff", ["STAFF.ACCESS"])
    result = await run_with_token(demo, token, "unlinkResource", uuid=uuid)
    assert result["__typename"] == "ResourceUnlinked"


@pytest.mark.parametrize("field", ORDER_SCOPES)
async def test_mutation_of_an_order_needs_its_scope(demo: MutableDemo, field: str) -> None:
    scope, state, values = ORDER_SCOPES[field]
    ((uuid,),) = demo.run_sql(
        "with one as (select o.id from marketplace_order o join marketplace_resource r"
        " on r.id = o.resource_id join marketplace_offering f on f.id = o.offering_id"
        " where r.state = 2 and f.type = 'OpenStack.Tenant' order by o.id limit 1)"
        " update marketplace_order set state = %s, type = 2 where id = (select id from one)"
        " returning uuid",
        state,
    )
    for scopes, is_permitted in ((ALL_SCOPES - {scope}, False), ({scope}, True)):
        token = create_token(demo.connection, "staff", scopes)
        result = await run_with_token(demo, token, field, uuid=uuid.hex, **values)
        assert (result["__typename"] != "NotPermitted") == is_permitted, result
        assert is_permitted or scope in result["message"]


@pytest.mark.parametrize("username", ["staff", "owner"])
@pytest.mark.parametrize("operation", ["SET_RESOURCE_END_DATE", "SET_RESOURCE_SLUG"])
async def test_token_is_bound_to_objects(demo: MutableDemo, operation: str, username: str) -> None:
    trial = OperationTrial(demo, operation, await find_resource(demo, operation))
    ((resource, project, customer, offering),) = demo.run_sql(
        "select r.id, p.id, p.customer_id, r.offering_id from marketplace_resource r"
        " join structure_project p on p.id = r.project_id where r.uuid = %s",
        trial.uuid,
    )
    objects = {
        "resource": ("marketplace", "resource", resource),
        "project": ("structure", "project", project),
        "customer": ("structure", "customer", customer),
        "offering": ("marketplace", "offering", offering),
        "other project": ("structure", "project", project + 1),
    }
    user_type, results = describe_result(await trial.run_as_user(username))[0], {}
    for name, object_ in objects.items():
        bound = [bind_object(demo.connection, *object_)]
        result = await trial.run_as_token(username, ALL_SCOPES, allowed_scopes=bound)
        results[name] = result["__typename"] == user_type == trial.payload_type
        assert results[name] or result["__typename"] == "NotPermitted"
    is_staff_operation = operation in STAFF_OPERATIONS
    expected = {"project", "customer", "offering", *(["resource"] if is_staff_operation else [])}
    if username == "owner":  # the role is on the organisation
        expected = set() if is_staff_operation else {"customer"}
    assert {name for name, is_permitted in results.items() if is_permitted} == expected

"""Who may place orders: ORDER.CREATE and offerings restricted to roles (domain.md §4.11)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import NEWEST_VERSION_SQL, MutableDemo, serve_mutable_demo
from tests.support.personal_tokens import ENABLE_SQL, create_token, post_with_token

RENEWAL: dict[str, Any] = {"extensionMonths": 12}
REVOKE_SQL = "delete from permissions_rolepermission where permission = 'ORDER.CREATE'"
GRANT_SQL = """
insert into permissions_rolepermission (role_id, permission)
select id, 'ORDER.CREATE' from permissions_role where name in ('CUSTOMER.OWNER', 'PROJECT.MANAGER')
on conflict do nothing
"""
SET_OPTION_SQL = """
update marketplace_offering set plugin_options = plugin_options || %s::jsonb where id = (
    select offering_id from marketplace_resource where uuid = %s)
"""
ORDERED_OPTIONS = "(o.plugin_options ->> 'create_orders_on_resource_option_change')::boolean"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo with the rules of the newest version, whose roles take effect at once."""
    async with serve_mutable_demo(
        new_database(), setup_sql=NEWEST_VERSION_SQL, VIEWER_SECONDS="0"
    ) as mutable_demo:
        yield mutable_demo


@pytest.fixture
def order_creation_revoked(demo: MutableDemo) -> Any:
    """Revoke ORDER.CREATE from all roles until the end of the test."""
    demo.run_sql(REVOKE_SQL)
    yield
    demo.run_sql(GRANT_SQL)


async def find_resource(demo: MutableDemo, operation: str, condition: str = "true") -> str:
    """Return the UUID of a resource on which the owner may carry out an operation."""
    return (await demo.find_operable_resources(operation, "owner", condition))[0]


async def list_operations(demo: MutableDemo, uuid: str, username: str) -> list[str]:
    """Return the operations that a user can carry out on a resource."""
    query = "query ($uuid: UUID!) { resource(uuid: $uuid) { allowedOperations } }"
    result = await demo.client.execute_query(query, username, uuid=uuid)
    operations: list[str] = result["data"]["resource"]["allowedOperations"]
    return operations


async def test_renewals_need_the_permission(demo: MutableDemo) -> None:
    uuid = await find_resource(demo, "RENEW_RESOURCE")
    demo.run_sql(REVOKE_SQL)
    digest_before = demo.digest_tables()
    result = await demo.run_mutation("renewResource", "owner", uuid=uuid, **RENEWAL)
    assert (result["__typename"], result["message"]) == (
        "NotPermitted",
        "This operation needs a role with ORDER.CREATE on the project or customer.",
    )
    assert "RENEW_RESOURCE" not in await list_operations(demo, uuid, "owner")
    assert demo.digest_tables() == digest_before
    demo.run_sql(GRANT_SQL)
    assert "RENEW_RESOURCE" in await list_operations(demo, uuid, "owner")
    result = await demo.run_mutation("renewResource", "owner", uuid=uuid, **RENEWAL)
    assert result["__typename"] == "ResourceRenewed"


@pytest.mark.usefixtures("order_creation_revoked")
async def test_staff_need_no_permission(demo: MutableDemo) -> None:
    (uuid, *_) = await demo.find_operable_resources("RENEW_RESOURCE")
    result = await demo.run_mutation("renewResource", "staff", uuid=uuid, **RENEWAL)
    assert result["__typename"] == "ResourceRenewed"


async def test_restricted_offerings_need_one_of_the_roles(demo: MutableDemo) -> None:
    uuid = await find_resource(demo, "RENEW_RESOURCE")
    demo.run_sql(SET_OPTION_SQL, '{"restricted_to_roles": ["PROJECT.MANAGER", 7]}', uuid)
    result = await demo.run_mutation("renewResource", "owner", uuid=uuid, **RENEWAL)
    assert (result["__typename"], result["message"]) == (
        "NotPermitted",
        "The offering takes orders of users with PROJECT.MANAGER on the project or customer.",
    )
    demo.run_sql(SET_OPTION_SQL, '{"restricted_to_roles": ["CUSTOMER.OWNER"]}', uuid)
    result = await demo.run_mutation("renewResource", "owner", uuid=uuid, **RENEWAL)
    assert result["__typename"] == "ResourceRenewed"


@pytest.mark.usefixtures("order_creation_revoked")
@pytest.mark.parametrize("needs_order", [True, False])
async def test_options_need_the_permission_only_for_an_order(
    demo: MutableDemo, needs_order: bool
) -> None:
    condition = f"coalesce({ORDERED_OPTIONS}, false) = {needs_order}"
    demo.run_sql(GRANT_SQL)
    uuid = await find_resource(demo, "UPDATE_RESOURCE_OPTIONS", condition)
    demo.run_sql(REVOKE_SQL)
    result = await demo.run_mutation("updateResourceOptions", "owner", uuid=uuid, options={})
    expected = "NotPermitted" if needs_order else "ResourceOptionsUpdated"
    assert result["__typename"] == expected


@pytest.mark.usefixtures("order_creation_revoked")
async def test_providers_need_no_permission_to_order_options(demo: MutableDemo) -> None:
    (uuid, *_) = await demo.find_operable_resources("UPDATE_RESOURCE_OPTIONS", "provider")
    demo.run_sql(SET_OPTION_SQL, '{"create_orders_on_resource_option_change": true}', uuid)
    result = await demo.run_mutation("updateResourceOptions", "provider", uuid=uuid, options={})
    assert result["__typename"] == "ResourceOptionsUpdated"
    assert result["order"]["state"].startswith("PENDING")


async def test_personal_access_tokens_need_the_scope(demo: MutableDemo) -> None:
    """Staff don't need the permission, if their token allows them to act as staff (rules.md §2)."""
    uuid = await find_resource(demo, "RENEW_RESOURCE")
    demo.run_sql(ENABLE_SQL)
    results = {}
    for username in ("staff", "owner"):
        for scope in ("RESOURCE.UPDATE", "ORDER.CREATE", "STAFF.ACCESS"):
            token = create_token(demo.connection, username, ["RESOURCE.SET_LIMITS", scope])
            query = "query ($uuid: UUID!) { resource(uuid: $uuid) { allowedOperations } }"
            body = (await post_with_token(demo.client, token, query, uuid=uuid)).json()
            operations = body["data"]["resource"]["allowedOperations"]
            results[username, scope] = "RENEW_RESOURCE" in operations
    assert {key for key, is_allowed in results.items() if is_allowed} == {
        ("staff", "ORDER.CREATE"),
        ("staff", "STAFF.ACCESS"),
        ("owner", "ORDER.CREATE"),
    }


async def test_only_who_may_act_as_staff_sets_the_end_of_prepaid_resources(
    demo: MutableDemo,
) -> None:
    uuid = await find_resource(demo, "RENEW_RESOURCE")
    demo.run_sql(ENABLE_SQL)
    document = """mutation ($input: SetResourceEndDateInput!) {
        setResourceEndDate(input: $input) { __typename ... on NotPossible { reason } }
    }"""
    results = []
    for scopes in (["RESOURCE.SET_END_DATE"], ["RESOURCE.SET_END_DATE", "STAFF.ACCESS"]):
        token = create_token(demo.connection, "staff", scopes)
        values = {"uuid": uuid, "endDate": "2098-01-01"}
        body = (await post_with_token(demo.client, token, document, input=values)).json()
        results.append(body["data"]["setResourceEndDate"])
    assert results == [
        {"__typename": "NotPossible", "reason": "PREPAID"},
        {"__typename": "ResourceEndDateSet"},
    ]

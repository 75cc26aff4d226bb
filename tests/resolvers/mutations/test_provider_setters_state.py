"""A provider's report that a resource works or has failed (rules.md §1)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo
from tests.support.provided_resources import (
    WITH_EVENT,
    compare_digests,
    find_provided_resources,
)

STATES = {"CREATING": 1, "OK": 2, "ERRED": 3, "UPDATING": 4, "TERMINATING": 5, "TERMINATED": 6}
TENANT_CONDITION = "o.type = 'OpenStack.Tenant' and r.object_id is not null"
Values = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


def prepare_state(demo: MutableDemo, uuid: str, state: str) -> None:
    """Set the state of a resource, with the texts of an error."""
    demo.run_sql(
        "update marketplace_resource set state = %s, error_message = 'Old',"
        " error_traceback = 'Old trace' where uuid = %s",
        STATES[state],
        uuid,
    )


def load_state(demo: MutableDemo, uuid: str) -> Any:
    """Return the state of a resource and the texts of its error."""
    (row,) = demo.run_sql(
        "select state, error_message, error_traceback from marketplace_resource where uuid = %s",
        uuid,
    )
    return row


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("keep_errors", [True, False])
async def test_resources_become_ok(demo: MutableDemo, state: str, keep_errors: bool) -> None:
    uuid = (await find_provided_resources(demo, "r.plan_id is not null"))[0]
    prepare_state(demo, uuid, state)
    digest = demo.digest_tables()
    result = await demo.run_mutation(
        "setResourceState", "provider", uuid=uuid, state={"ok": {"keepErrors": keep_errors}}
    )
    if state == "TERMINATED" or (state == "OK" and keep_errors):
        assert (result["__typename"], result["state"]) == ("WrongState", state)
        assert {*result["allowed"]} == {"ERRED", "CREATING", "UPDATING", "TERMINATING"}
        assert demo.digest_tables() == digest
        return
    assert result["__typename"] == "ResourceUpdated"
    if state == "OK":
        assert demo.digest_tables() == digest
        return
    message = "Old" if keep_errors else ""
    traceback = "Old trace" if keep_errors and state != "ERRED" else ""
    assert load_state(demo, uuid) == (STATES["OK"], message, traceback)
    created_tables = {
        "public.marketplace_resourceplanperiod",
        "public.marketplace_componentquota",
    }
    changed_tables = compare_digests(digest, demo.digest_tables())
    assert changed_tables - created_tables == WITH_EVENT
    assert bool(changed_tables & created_tables) is (state == "CREATING")


@pytest.mark.parametrize("state", STATES)
async def test_resources_become_erred_with_what_is_given(demo: MutableDemo, state: str) -> None:
    """Empty texts don't replace any."""
    uuid = (await find_provided_resources(demo, "r.object_id is null"))[0]
    for error, texts in (
        ({}, ("Old", "Old trace")),
        ({"message": "New"}, ("New", "Old trace")),
        ({"traceback": "New trace"}, ("Old", "New trace")),
        ({"message": "New", "traceback": "New trace"}, ("New", "New trace")),
    ):
        prepare_state(demo, uuid, state)
        before = demo.digest_tables()
        arguments: Values = {"uuid": uuid, "state": {"erred": error}}
        result = await demo.run_mutation("setResourceState", "provider", **arguments)
        assert result["__typename"] == "ResourceUpdated"
        assert load_state(demo, uuid) == (STATES["ERRED"], *texts)
        after = demo.digest_tables()
        assert compare_digests(before, after) <= WITH_EVENT
        assert (after == before) is (state == "ERRED" and not error)
        await demo.run_mutation("setResourceState", "provider", **arguments)
        assert demo.digest_tables() == after


async def test_the_object_of_the_plugin_is_erred_too(demo: MutableDemo) -> None:
    uuid = (await find_provided_resources(demo, f"r.state = 2 and {TENANT_CONDITION}"))[0]
    error = {"message": "No route.", "traceback": "line 1"}
    await demo.run_mutation("setResourceState", "provider", uuid=uuid, state={"erred": error})
    tenants = demo.run_sql(
        "select t.state, t.error_message, t.error_traceback from openstack_tenant t"
        " join marketplace_resource r on r.object_id = t.id where r.uuid = %s",
        uuid,
    )
    assert tenants == [(4, "No route.", "line 1")]

"""Rules of offerings for the backend ids of their resources (rules.md §1)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo
from tests.support.provided_resources import (
    find_provided_resources,
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


FORMAT_RULE = '{"format": {"regex": "p-[0-9]+", "description": "It is p- and a number."}}'
RULES_SQL = """
update marketplace_offering o set backend_id_rules = %s::jsonb from marketplace_resource r
where r.offering_id = o.id and r.uuid = %s
"""


async def set_backend_id(demo: MutableDemo, uuid: str, backend_id: str) -> str:
    """Set a backend id; return the name of the result's type, or the message of the problem."""
    result = await demo.run_mutation(
        "setResourceBackendId", "provider", uuid=uuid, identifier={"backendId": backend_id}
    )
    if result["__typename"] != "InvalidInput":
        return str(result["__typename"])
    (field,) = result["fields"]
    assert field["path"] == ["identifier", "backendId"]
    return str(field["message"])


async def test_backend_ids_match_the_format_of_the_offering(demo: MutableDemo) -> None:
    """A value that is not empty is tested even if it is unchanged; an effective id is not."""
    uuid = (await find_provided_resources(demo))[0]
    demo.run_sql("update marketplace_resource set backend_id = 'old' where uuid = %s", uuid)
    demo.run_sql(RULES_SQL, FORMAT_RULE, uuid)
    digest = demo.digest_tables()
    for backend_id in ("p-", "p-1x", "xp-1", "old"):
        message = await set_backend_id(demo, uuid, backend_id)
        assert message.endswith("has an invalid format. It is p- and a number.")
    assert demo.digest_tables() == digest
    assert await set_backend_id(demo, uuid, "p-1") == "ResourceUpdated"
    assert await set_backend_id(demo, uuid, "") == "ResourceUpdated"
    result = await demo.run_mutation(
        "setResourceBackendId", "provider", uuid=uuid, identifier={"effectiveId": "x"}
    )
    assert result["__typename"] == "ResourceUpdated"


@pytest.mark.parametrize(
    "rules",
    [
        '{"format": {"regex": "("}}',
        '{"format": {"regex": "(a?){1000}{1000}"}}',
        '{"format": {"regex": "(((a?){1000}){1000}){1000}b"}}',
        '{"format": {"regex": 7}}',
        '{"format": "p-[0-9]+"}',
        '{"uniqueness": {"scope": "world"}}',
        '{"uniqueness": []}',
        "{}",
        "[]",
        "null",
        '"rules"',
    ],
)
async def test_rules_that_make_no_sense_are_skipped(demo: MutableDemo, rules: str) -> None:
    uuid = (await find_provided_resources(demo))[0]
    demo.run_sql(RULES_SQL, rules, uuid)
    assert await set_backend_id(demo, uuid, "a" * 255) == "ResourceUpdated"
    assert await set_backend_id(demo, uuid, "") == "ResourceUpdated"


SCOPE_CONDITIONS = {
    "offering": "id = {own}",
    "offering_group": "id = {own} or backend_id = 'group'",
    "service_provider": "customer_id = {own_customer}",
    "service_provider_category": "customer_id = {own_customer} and category_id = {own_category}",
}
"""The offerings in which a backend id has to be unique, by the rule's scope."""


@pytest.mark.parametrize("has_group", [True, False])
@pytest.mark.parametrize("scope", SCOPE_CONDITIONS)
async def test_backend_ids_are_unique_in_their_scope(
    demo: MutableDemo, scope: str, has_group: bool
) -> None:
    uuid = (await find_provided_resources(demo))[0]
    ((own, own_customer, own_category),) = demo.run_sql(
        "select o.id, o.customer_id, o.category_id from marketplace_offering o"
        " join marketplace_resource r on r.offering_id = o.id where r.uuid = %s",
        uuid,
    )
    demo.run_sql("update marketplace_offering set backend_id = ''")
    if has_group:
        demo.run_sql(
            "update marketplace_offering set backend_id = 'group'"
            " where id = %s or customer_id <> %s",
            own,
            own_customer,
        )
    demo.run_sql(RULES_SQL, f'{{"uniqueness": {{"scope": "{scope}"}}}}', uuid)
    condition = SCOPE_CONDITIONS[scope].format(
        own=own, own_customer=own_customer, own_category=own_category
    )
    other_resources = demo.run_sql(
        "select distinct on (offering_id) r.id, o.id in"
        f" (select id from marketplace_offering where {condition})"
        " from marketplace_resource r join marketplace_offering o on o.id = r.offering_id"
        " where r.uuid <> %s order by offering_id, r.id",
        uuid,
    )
    outcomes = {}
    for resource_id, _ in other_resources:
        demo.run_sql("update marketplace_resource set backend_id = ''")
        demo.run_sql(
            "update marketplace_resource set backend_id = 'taken' where id = %s", resource_id
        )
        outcomes[resource_id] = await set_backend_id(demo, uuid, "taken") != "ResourceUpdated"
    assert outcomes == dict(other_resources)
    assert {True, False} == {*outcomes.values()}


@pytest.mark.parametrize("is_included", [True, False, None])
async def test_terminated_resources_count_unless_the_rule_leaves_them_out(
    demo: MutableDemo, is_included: bool | None
) -> None:
    """The resource itself does not count."""
    first_uuid, second_uuid, *_ = await find_provided_resources(
        demo, "o.type = 'Marketplace.Slurm' and r.state = 2"
    )
    rule = {None: "", True: ', "include_terminated": true', False: ', "include_terminated": false'}
    rules = f'{{"uniqueness": {{"scope": "service_provider"{rule[is_included]}}}}}'
    demo.run_sql("update marketplace_offering set backend_id_rules = %s::jsonb", rules)
    demo.run_sql("update marketplace_resource set backend_id = ''")
    for _ in range(2):
        assert await set_backend_id(demo, first_uuid, "mine") == "ResourceUpdated"
    assert "already used" in await set_backend_id(demo, second_uuid, "mine")
    demo.run_sql("update marketplace_resource set state = 6 where uuid = %s", first_uuid)
    message = await set_backend_id(demo, second_uuid, "mine")
    assert (message == "ResourceUpdated") is (is_included is False)
    demo.run_sql("update marketplace_resource set state = 2 where uuid = %s", first_uuid)
    demo.run_sql("update marketplace_offering set backend_id_rules = '{}'")


async def test_one_of_concurrent_changes_takes_a_backend_id(demo: MutableDemo) -> None:
    uuids = (await find_provided_resources(demo))[:6]
    rules = '{"uniqueness": {"scope": "service_provider"}}'
    demo.run_sql("update marketplace_offering set backend_id_rules = %s::jsonb", rules)
    for attempt in range(5):
        outcomes = await asyncio.gather(
            *(set_backend_id(demo, each, f"race-{attempt}") for each in uuids)
        )
        assert outcomes.count("ResourceUpdated") == 1
    demo.run_sql("update marketplace_offering set backend_id_rules = '{}'")

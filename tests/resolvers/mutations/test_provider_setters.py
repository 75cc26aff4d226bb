"""What providers and their agents set: no version; equal values write nothing (rules.md §1)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo
from tests.support.provided_resources import (
    RESOURCE_ONLY,
    WITH_EVENT,
    compare_digests,
    find_provided_resources,
    load_resource_column,
)

Values = dict[str, Any]
SECTIONS = [{"header": "Usage", "body": "Half."}, {"header": "Advice", "body": " More nodes. "}]
LOGIN = {"name": "Login", "url": "ssh://login.example.org:22/home"}
SETTER_CASES: dict[str, tuple[str, Values, str, Any, set[str]]] = {
    "backend id": (
        "setResourceBackendId",
        {"identifier": {"backendId": " backend-7 "}},
        "backend_id",
        "backend-7",
        WITH_EVENT,
    ),
    "effective id": (
        "setResourceBackendId",
        {"identifier": {"effectiveId": "remote-7"}},
        "effective_id",
        "remote-7",
        WITH_EVENT,
    ),
    "metadata": (
        "setResourceBackendMetadata",
        {"backendMetadata": {"state": "running", "ports": [1, None]}},
        "backend_metadata",
        {"state": "running", "ports": [1, None]},
        RESOURCE_ONLY,
    ),
    "report": (
        "submitResourceReport",
        {"report": SECTIONS},
        "report",
        SECTIONS,
        RESOURCE_ONLY,
    ),
}
"""Mutation, its input, the column that it sets, the new value, and the changed tables."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


@pytest.mark.parametrize("name", SETTER_CASES)
async def test_a_value_is_replaced_once(demo: MutableDemo, name: str) -> None:
    field, values, column, expected_value, changed_tables = SETTER_CASES[name]
    uuid = (await find_provided_resources(demo))[0]
    before = demo.digest_tables()
    result = await demo.run_mutation(field, "provider", uuid=uuid, **values)
    assert result["__typename"] == "ResourceUpdated"
    after = demo.digest_tables()
    assert compare_digests(before, after) == changed_tables
    assert load_resource_column(demo, uuid, column) == expected_value
    assert await demo.run_mutation(field, "provider", uuid=uuid, **values) == result
    assert demo.digest_tables() == after


@pytest.mark.parametrize(
    "metadata", [{}, {"1": {"x": 1.50}}, [1], [], "text", '{"a": 1}', 1, True, 12345678901234567890]
)
async def test_metadata_can_be_any_json(demo: MutableDemo, metadata: Any) -> None:
    uuid = (await find_provided_resources(demo))[1]
    for _ in range(2):
        result = await demo.run_mutation(
            "setResourceBackendMetadata", "provider", uuid=uuid, backendMetadata=metadata
        )
        assert result["__typename"] == "ResourceUpdated"
        assert load_resource_column(demo, uuid, "backend_metadata") == metadata


async def test_equal_numbers_and_booleans_are_different_metadata(demo: MutableDemo) -> None:
    uuid = (await find_provided_resources(demo))[1]
    for value in (1, True, 1.0, "1"):
        await demo.run_mutation(
            "setResourceBackendMetadata", "provider", uuid=uuid, backendMetadata={"a": value}
        )
        stored_value = load_resource_column(demo, uuid, "backend_metadata")["a"]
        assert (type(stored_value), stored_value) == (type(value), value)


def load_endpoints(demo: MutableDemo, uuid: str) -> list[tuple[Any, ...]]:
    """Return key, name and URL of a resource's endpoints."""
    return demo.run_sql(
        "select e.id, e.name, e.url from marketplace_resourceaccessendpoint e"
        " join marketplace_resource r on r.id = e.resource_id where r.uuid = %s order by e.id",
        uuid,
    )


async def test_endpoints_are_replaced(demo: MutableDemo) -> None:
    """The resource itself is not saved: it has no event, and `modified` stays."""
    uuid = (await find_provided_resources(demo))[0]
    files = {"name": "Files", "url": "https://files.example.org"}
    for endpoints in ([LOGIN], [files, LOGIN], []):
        before = demo.digest_tables()
        arguments: Values = {"uuid": uuid, "endpoints": endpoints}
        keys_before = {key for key, *_ in load_endpoints(demo, uuid)}
        result = await demo.run_mutation("setResourceEndpoints", "provider", **arguments)
        assert result["__typename"] == "ResourceUpdated"
        after = demo.digest_tables()
        assert compare_digests(before, after) == {"public.marketplace_resourceaccessendpoint"}
        stored = load_endpoints(demo, uuid)
        assert [(name, url) for _, name, url in stored] == [
            (each["name"], each["url"]) for each in endpoints
        ]
        assert not keys_before & {key for key, *_ in stored}
        await demo.run_mutation("setResourceEndpoints", "provider", **arguments)
        assert demo.digest_tables() == after


@pytest.mark.parametrize("scheme", ["http", "https", "ssh", "ldap", "ldaps", "rdp", "HTTPS"])
async def test_schemes_of_endpoints(demo: MutableDemo, scheme: str) -> None:
    uuid = (await find_provided_resources(demo))[0]
    endpoints = [{"name": scheme, "url": f"{scheme}://user@[::1]:8080/a?b=c"}]
    result = await demo.run_mutation(
        "setResourceEndpoints", "provider", uuid=uuid, endpoints=endpoints
    )
    assert result["__typename"] == "ResourceUpdated"


LIST_CASES: dict[str, tuple[str, Values, list[list[str]]]] = {
    "URLs": (
        "setResourceEndpoints",
        {
            "endpoints": [
                {"name": "Login", "url": url}
                for url in (
                    "javascript://example.org",
                    "ftp://example.org",
                    "example.org",
                    "https://",
                    "https:///path",
                    "https://a b",
                    "https://example.org:x",
                    "https://[::1",
                    "https://example.org/\u202e",
                )
            ]
        },
        [["endpoints", str(index), "url"] for index in range(9)],
    ),
    "texts of endpoints": (
        "setResourceEndpoints",
        {
            "endpoints": [
                LOGIN,
                {"name": " ", "url": LOGIN["url"]},
                {"name": "x" * 151, "url": f"https://example.org/{'x' * 200}"},
            ]
        },
        [["endpoints", "1", "name"], ["endpoints", "2", "name"], ["endpoints", "2", "url"]],
    ),
    "NUL": (
        "setResourceEndpoints",
        {"endpoints": [LOGIN, {"name": "a\0", "url": LOGIN["url"]}]},
        [["endpoints", "1", "name"]],
    ),
    "many endpoints": ("setResourceEndpoints", {"endpoints": [LOGIN] * 101}, [["endpoints"]]),
    "no sections": ("submitResourceReport", {"report": []}, [["report"]]),
    "many sections": ("submitResourceReport", {"report": SECTIONS * 51}, [["report"]]),
    "texts of sections": (
        "submitResourceReport",
        {"report": [*SECTIONS, {"header": "", "body": "\n"}]},
        [["report", "2", "header"], ["report", "2", "body"]],
    ),
    "long backend id": (
        "setResourceBackendId",
        {"identifier": {"backendId": "x" * 256}},
        [["identifier", "backendId"]],
    ),
    "long effective id": (
        "setResourceBackendId",
        {"identifier": {"effectiveId": "x" * 256}},
        [["identifier", "effectiveId"]],
    ),
    "surrogate": (
        "setResourceState",
        {"state": {"erred": {"traceback": "\0"}}},
        [["state", "erred", "traceback"]],
    ),
    "limits are a list": ("setResourceLimits", {"limits": [1]}, [["limits"]]),
    "unknown limits": (
        "setResourceLimits",
        {"limits": {"x": 1, "gpu_hours": "1", "y": 2}},
        [["limits", "x"], ["limits", "gpu_hours"], ["limits", "y"]],
    ),
    "limits out of range": (
        "setResourceLimits",
        {"limits": {"gpu_hours": 10**18}},
        [["limits", "gpu_hours"]],
    ),
    "negative limits": (
        "setResourceLimits",
        {"limits": {"gpu_hours": -1}},
        [["limits", "gpu_hours"]],
    ),
    "boolean limits": (
        "setResourceLimits",
        {"limits": {"gpu_hours": True}},
        [["limits", "gpu_hours"]],
    ),
}
"""Mutation, invalid input, and the paths of the problem."""
GPU_CONDITION = """r.state = 2 and exists (
    select from marketplace_offeringcomponent c
    where c.offering_id = o.id and c.type = 'gpu_hours')"""


@pytest.mark.parametrize("name", LIST_CASES)
async def test_invalid_values_are_refused(demo: MutableDemo, name: str) -> None:
    field, values, paths = LIST_CASES[name]
    uuid = (await find_provided_resources(demo, GPU_CONDITION))[0]
    digest = demo.digest_tables()
    result = await demo.run_mutation(field, "provider", uuid=uuid, **values)
    assert result["__typename"] == "InvalidInput"
    assert [each["path"] for each in result["fields"]] == paths
    assert demo.digest_tables() == digest


async def test_limits_are_replaced_with_their_quotas(demo: MutableDemo) -> None:
    """Neither bounds are checked nor the cost computed, and no version is stored."""
    uuid = (await find_provided_resources(demo, f"{GPU_CONDITION} and r.limits <> '{{}}'"))[0]
    demo.run_sql(
        "update marketplace_offeringcomponent c set max_value = 1, limit_amount = 1"
        " from marketplace_resource r where c.offering_id = r.offering_id and r.uuid = %s",
        uuid,
    )
    cost = load_resource_column(demo, uuid, "cost")
    before = demo.digest_tables()
    limits = {"gpu_hours": 765}
    result = await demo.run_mutation("setResourceLimits", "provider", uuid=uuid, limits=limits)
    assert result["__typename"] == "ResourceUpdated"
    after = demo.digest_tables()
    changed_tables = WITH_EVENT | {"public.marketplace_componentquota"}
    assert compare_digests(before, after) == changed_tables
    assert (
        load_resource_column(demo, uuid, "limits"),
        load_resource_column(demo, uuid, "cost"),
    ) == (limits, cost)
    quotas = demo.run_sql(
        'select c.type, q."limit" from marketplace_componentquota q'
        " join marketplace_offeringcomponent c on c.id = q.component_id"
        " join marketplace_resource r on r.id = q.resource_id where r.uuid = %s",
        uuid,
    )
    assert ("gpu_hours", 765) in quotas
    await demo.run_mutation("setResourceLimits", "provider", uuid=uuid, limits=limits)
    assert demo.digest_tables() == after


async def test_a_usage_policy_keeps_the_limits_that_are_billed(demo: MutableDemo) -> None:
    """Those that a resource did not have are not set; the others are."""
    uuid = (await find_provided_resources(demo, GPU_CONDITION))[0]
    components = (
        "update marketplace_offeringcomponent c set billing_type = {}"
        " from marketplace_resource r where c.offering_id = r.offering_id and r.uuid = %s"
    )
    demo.run_sql(
        components.format("case c.type when 'gpu_hours' then 'usage' else 'limit' end"), uuid
    )
    ((billed_types,),) = demo.run_sql(
        "select array_agg(c.type order by c.type) from marketplace_offeringcomponent c"
        " join marketplace_resource r on r.offering_id = c.offering_id"
        " where r.uuid = %s and c.type <> 'gpu_hours'",
        uuid,
    )
    kept_type, missing_type = billed_types[:2]
    demo.run_sql(
        "update marketplace_resource set limits = jsonb_build_object(%s::text, 5) where uuid = %s",
        kept_type,
        uuid,
    )
    demo.run_sql(
        "insert into policy_slurmperiodicusagepolicy (uuid, created, modified, scope_id)"
        " select gen_random_uuid(), now(), now(), offering_id from marketplace_resource"
        " where uuid = %s",
        uuid,
    )
    limits = {"gpu_hours": 8, kept_type: 6, missing_type: 7}
    result = await demo.run_mutation("setResourceLimits", "provider", uuid=uuid, limits=limits)
    demo.run_sql("delete from policy_slurmperiodicusagepolicy")
    demo.run_sql(components.format("'limit'"), uuid)
    assert result["__typename"] == "ResourceUpdated"
    assert load_resource_column(demo, uuid, "limits") == {"gpu_hours": 8, kept_type: 5}


async def test_the_time_of_the_last_synchronisation_is_refreshed(demo: MutableDemo) -> None:
    uuid = (await find_provided_resources(demo))[0]
    times = []
    for _ in range(2):
        before = demo.digest_tables()
        result = await demo.run_mutation("refreshResourceLastSync", "provider", uuid=uuid)
        assert result["__typename"] == "ResourceUpdated"
        assert compare_digests(before, demo.digest_tables()) == {"public.marketplace_resource"}
        times.append(load_resource_column(demo, uuid, "last_sync"))
    assert times[0] < times[1]

"""Resources of the demo's provider, and what a mutation has changed of them."""

from typing import Any

from tests.support.mutable_demo import MutableDemo

RESOURCE_ONLY = {"public.marketplace_resource", "gateway.marketplace_event"}
"""Tables that a change of a resource's column changes if it is not logged."""
WITH_EVENT = RESOURCE_ONLY | {"public.logging_event", "public.logging_feed"}
"""The same if it is logged."""


async def find_provided_resources(demo: MutableDemo, condition: str = "r.state = 2") -> list[str]:
    """Return resources of the demo's provider."""
    return await demo.find_operable_resources("SUBMIT_RESOURCE_REPORT", "provider", condition)


def load_resource_column(demo: MutableDemo, uuid: str, name: str) -> Any:
    """Return the value of a resource's column."""
    return demo.run_sql(f"select {name} from marketplace_resource where uuid = %s", uuid)[0][0]


def compare_digests(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Return the names of the tables that differ."""
    return {name for name in after if after[name] != before[name]}


SETTER_ARGUMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "UPDATE_RESOURCE": ("updateResource", {"name": "Renamed"}),
    "SET_RESOURCE_SLUG": ("setResourceSlug", {"slug": "other"}),
    "SET_RESOURCE_FLAGS": ("setResourceFlags", {"flag": {"paused": True}}),
    "SET_RESOURCE_BACKEND_ID": ("setResourceBackendId", {"identifier": {"backendId": "other"}}),
    "SET_RESOURCE_BACKEND_METADATA": ("setResourceBackendMetadata", {"backendMetadata": {"a": 1}}),
    "SET_RESOURCE_ENDPOINTS": ("setResourceEndpoints", {"endpoints": []}),
    "SET_RESOURCE_LIMITS": ("setResourceLimits", {"limits": {}}),
    "SET_RESOURCE_STATE": ("setResourceState", {"state": {"erred": {}}}),
    "SUBMIT_RESOURCE_REPORT": (
        "submitResourceReport",
        {"report": [{"header": "a", "body": "b"}]},
    ),
    "REFRESH_RESOURCE_LAST_SYNC": ("refreshResourceLastSync", {}),
    "UNLINK_RESOURCE": ("unlinkResource", {}),
}
"""Mutations that change a resource without an order, by operation, with valid arguments."""

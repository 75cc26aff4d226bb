"""Number of resources by state."""

from typing import Any

import msgspec
from sqlalchemy import Column

from gateway.db.sql.aggregate import Aggregate, AggregateValue
from gateway.schema.enums import ResourceState
from gateway.schema.framework.declarations import computed
from gateway.schema.framework.publish import object_type


@object_type
class ResourceCount:
    """The number of resources in one state."""

    state: ResourceState
    """The state."""
    count: int
    """The number of resources in the state; at least 1."""


def decode_state_counts(counts_json: str | None) -> list[ResourceCount]:
    """Return the states with at least one resource, in the order of the enum."""
    counts_by_value = msgspec.json.decode(counts_json or "{}")
    state_counts = [(state, counts_by_value.get(str(state.value), 0)) for state in ResourceState]
    return [ResourceCount(state=state, count=count) for state, count in state_counts if count]


def declare_resource_counts(aggregate: Aggregate, key_column: Column[Any]) -> Any:
    """Declare a field with the counts by state of the resources that an aggregate is about."""
    return computed(decode_state_counts, AggregateValue(aggregate, "all", key_column))

"""How many resources are in which state."""

from typing import Any

import msgspec
from sqlalchemy import Column

from gateway.db.sql.aggregate import Aggregate, AggregateValue
from gateway.schema.enums import ResourceState
from gateway.schema.framework.declarations import computed
from gateway.schema.framework.publish import object_type


@object_type
class ResourceCount:
    """How many resources are in a state."""

    state: ResourceState
    """The state."""
    count: int
    """How many are in it; at least one."""


def decode_state_counts(counts_json: str | None) -> list[ResourceCount]:
    """Give the states that some resources are in, in their order."""
    counts_by_value = msgspec.json.decode(counts_json or "{}")
    state_counts = [(state, counts_by_value.get(str(state.value), 0)) for state in ResourceState]
    return [ResourceCount(state=state, count=count) for state, count in state_counts if count]


def declare_resource_counts(aggregate: Aggregate, key_column: Column[Any]) -> Any:
    """Declare a field that counts by their states the resources which a `total` is of."""
    return computed(decode_state_counts, AggregateValue(aggregate, "all", key_column))

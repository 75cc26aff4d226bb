"""How many resources are in which state."""

from typing import Any

import msgspec
from sqlalchemy import Column

from gateway.db.sql.aggregate import Sum, Total
from gateway.schema.enums import ResourceState
from gateway.schema.framework.declarations import computed
from gateway.schema.framework.publish import published


@published
class ResourceCount:
    """How many resources are in a state."""

    state: ResourceState
    """The state."""
    count: int
    """How many are in it; at least one."""


def counts(counted: str | None) -> list[ResourceCount]:
    """Give the states that some resources are in, in their order."""
    found = msgspec.json.decode(counted or "{}")
    told = [(state, found.get(str(state.value), 0)) for state in ResourceState]
    return [ResourceCount(state=state, count=count) for state, count in told if count]


def resource_counts(total: Total, key: Column[Any]) -> Any:
    """Declare a field that counts by their states the resources which a `total` is of."""
    return computed(counts, Sum(total, "all", key))

"""The schema, assembled."""

from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig

from gateway.db.sql.row_types import Row
from gateway.resolvers.mutation import Mutation
from gateway.resolvers.query import NODES, Query
from gateway.resolvers.subscription import Subscription
from gateway.schema.framework.scalars import SCALARS


def plain_field(source: Any, name: str) -> Any:
    """Give the value of a field that has no resolver: a column's, if the viewer is shown it."""
    return source.field(name) if isinstance(source, Row) else getattr(source, name)


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=NODES,
    config=StrawberryConfig(scalar_map=SCALARS, default_resolver=plain_field),
)

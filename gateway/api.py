"""The GraphQL schema: its root types, node types and scalars."""

from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig

from gateway.db.sql.row_types import Row
from gateway.resolvers.mutation import Mutation
from gateway.resolvers.query import NODE_TYPES, Query
from gateway.resolvers.subscription import Subscription
from gateway.schema.framework.scalars import SCALARS


def resolve_plain_field(source: Any, field_name: str) -> Any:
    """Return the value of a field without resolver; None if the viewer can't see it."""
    return source.get_field(field_name) if isinstance(source, Row) else getattr(source, field_name)


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=NODE_TYPES,
    config=StrawberryConfig(scalar_map=SCALARS, default_resolver=resolve_plain_field),
)

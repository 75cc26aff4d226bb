"""The authenticated user of a request."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gateway.db import tables
from gateway.db.query_spec import ColumnRef, QuerySpec
from gateway.db.sql.row_types import Row
from gateway.schema.framework.context import Info
from gateway.schema.framework.publish import object_type_as
from gateway.schema.framework.relations import build_rows, declare_field, list_row_columns
from gateway.schema.types.user import User


@dataclass(frozen=True, eq=False)
class ViewerAccount:
    """Declaration of the field that holds the viewer's own user."""

    @cached_property
    def query_spec(self) -> QuerySpec:
        """The query for the viewer's row."""
        return QuerySpec(
            tables.user, list_row_columns(tables.user), key_column=ColumnRef(tables.user.c.id)
        )

    def build_resolver(self) -> Callable[..., Any]:
        """Return the resolver for graphql-core."""

        async def resolve(info: Info) -> Row | None:
            rows = await info.context.loader.load_rows(self.query_spec, info.context.viewer.user_id)
            return build_rows(info, tables.user, rows)[0] if rows else None

        return resolve


@object_type_as("Viewer")
class PublishedViewer:
    """The authenticated user, on whose behalf the request is executed."""

    user: User | None = declare_field(ViewerAccount())
    """The viewer's own user; null if it was deleted during the request."""


@dataclass(frozen=True, eq=False)
class AuthenticatedViewer:
    """Declaration of the field that holds the viewer, or null for anonymous requests."""

    def build_resolver(self) -> Callable[..., Any]:
        """Return the resolver for graphql-core."""

        def resolve(info: Info) -> PublishedViewer | None:
            return None if info.context.viewer.user_id is None else PublishedViewer()

        return resolve


viewer_field = AuthenticatedViewer()

"""Who asks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gateway.db import tables
from gateway.db.query_spec import At, Read
from gateway.db.sql.row_types import Row
from gateway.schema.framework.context import Info
from gateway.schema.framework.publish import published
from gateway.schema.framework.relations import declare, made, whole
from gateway.schema.types.user import User


@dataclass(frozen=True, eq=False)
class Own:
    """The viewer's own account."""

    @cached_property
    def read(self) -> Read:
        """Describe the row."""
        return Read(tables.user, whole(tables.user), match=At(tables.user.c.id))

    def resolver(self) -> Callable[..., Any]:
        """Give the function that graphql-core calls."""

        async def resolve(info: Info) -> Row | None:
            found = await info.context.loads.rows(self.read, info.context.viewer.user_id)
            return made(info, tables.user, found)[0] if found else None

        return resolve


@published
class Viewer:
    """Who asks."""

    user: User | None = declare(Own())
    """The viewer's account."""


@dataclass(frozen=True, eq=False)
class Asking:
    """The viewer, unless they are anonymous."""

    def resolver(self) -> Callable[..., Any]:
        """Give the function that graphql-core calls."""

        def resolve(info: Info) -> Viewer | None:
            return None if info.context.viewer.user_id is None else Viewer()

        return resolve


viewer = Asking()

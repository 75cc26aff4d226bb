"""What a resolver may use: who asks, the request's loaders, and the facts of the moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cached_property

import strawberry

from gateway.db.database import Database
from gateway.db.statement import Statements
from gateway.db.visibility import Viewer
from gateway.loaders.loads import Loads


class Fact(Enum):
    """What a computed field may depend on besides columns."""

    TODAY = "today"
    MEDIA_URL = "media_url"
    VIEWER = "viewer"


@dataclass
class Context:
    """One request."""

    database: Database
    statements: Statements
    viewer: Viewer
    media_url: str = "/media/"

    @cached_property
    def loads(self) -> Loads:
        """The loaders of the request."""
        return Loads(self.database, self.statements, self.viewer)

    @cached_property
    def facts(self) -> Mapping[Fact, object]:
        """What computed fields may ask about the moment and the place."""
        return {Fact.TODAY: self.today, Fact.MEDIA_URL: self.media_url, Fact.VIEWER: self.viewer}

    @cached_property
    def today(self) -> date:
        """The day on which the request is answered, in UTC."""
        return datetime.now(UTC).date()


Info = strawberry.Info[Context, None]

"""What a resolver may use: who asks, the request's loaders, and the facts of the moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from functools import cached_property

import strawberry

from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import Database
from gateway.db.sql.compiler import Statements
from gateway.loaders.read_loader import Loads
from gateway.marketplace.unit_of_work import Changes


class Fact(Enum):
    """What a computed field may depend on besides columns."""

    TODAY = "today"
    MEDIA_URL = "media_url"
    VIEWER = "viewer"
    RULES = "rules"
    CHANGES = "changes"
    KEEPS = "keeps"


MOST = 20_000
"""Rows that an answer may show unless the settings tell otherwise."""


class TooMuchError(BaseException):
    """The answer would hold too much.

    It is no `Exception`, so that it ends the whole execution, and not one field of it.
    """


class Budget:
    """How many rows an answer may still show: a short document can ask for very many."""

    def __init__(self, rows: int) -> None:
        """Allow so many `rows`, counted at each place where one is shown."""
        self.most = self._left = rows

    def spend(self, rows: int) -> None:
        """Show so many `rows`; TooMuchError if that is more than there may be."""
        self._left -= rows
        if self._left < 0:
            raise TooMuchError


@dataclass
class Context:
    """One request."""

    database: Database
    statements: Statements
    viewer: Viewer
    media_url: str | None = None
    budget: Budget = field(default_factory=lambda: Budget(MOST))
    changes: Changes = field(default_factory=Changes)

    @cached_property
    def loads(self) -> Loads:
        """The loaders of the request."""
        return Loads(self.database, self.statements, self.viewer)

    def forget(self) -> None:
        """Load anew what was loaded: something has changed."""
        self.__dict__.pop("loads", None)

    @cached_property
    def facts(self) -> Mapping[Fact, object]:
        """What computed fields may ask about the moment and the place."""
        return {
            Fact.TODAY: self.today,
            Fact.MEDIA_URL: self.media_url,
            Fact.VIEWER: self.viewer,
            Fact.RULES: self.statements.installation.rules,
            Fact.CHANGES: self.changes.made,
            Fact.KEEPS: self.changes.keeps,
        }

    @cached_property
    def today(self) -> date:
        """The day on which the request is answered, in UTC."""
        return datetime.now(UTC).date()


Info = strawberry.Info[Context, None]

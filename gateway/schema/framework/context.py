"""What a resolver may use: who asks, the request's loaders, and the facts of the moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from functools import cached_property

import strawberry

from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import Database
from gateway.db.sql.compiler import StatementCompiler
from gateway.loaders.read_loader import ReadLoader
from gateway.marketplace.unit_of_work import ChangeService


class ContextFact(Enum):
    """What a computed field may depend on besides columns."""

    TODAY = "today"
    MEDIA_URL = "media_url"
    VIEWER = "viewer"
    VERSION_RULES = "rules"
    CHANGES_ENABLED = "changes"
    STORES_ATTACHMENTS = "keeps"


DEFAULT_MAX_ANSWER_ROWS = 20_000
"""Rows that an answer may show unless the settings tell otherwise."""


class AnswerTooLargeError(BaseException):
    """The answer would hold too much.

    It is no `Exception`, so that it ends the whole execution, and not one field of it.
    """


class RowBudget:
    """How many rows an answer may still show: a short document can ask for very many."""

    def __init__(self, rows: int) -> None:
        """Allow so many `rows`, counted at each place where one is shown."""
        self.max_rows = self._remaining_rows = rows

    def consume_rows(self, rows: int) -> None:
        """Show so many `rows`; TooMuchError if that is more than there may be."""
        self._remaining_rows -= rows
        if self._remaining_rows < 0:
            raise AnswerTooLargeError


@dataclass
class RequestContext:
    """One request."""

    database: Database
    statement_compiler: StatementCompiler
    viewer: Viewer
    media_url: str | None = None
    row_budget: RowBudget = field(default_factory=lambda: RowBudget(DEFAULT_MAX_ANSWER_ROWS))
    change_service: ChangeService = field(default_factory=ChangeService)

    @cached_property
    def loader(self) -> ReadLoader:
        """The loaders of the request."""
        return ReadLoader(self.database, self.statement_compiler, self.viewer)

    def reset_loader(self) -> None:
        """Load anew what was loaded: something has changed."""
        self.__dict__.pop("loader", None)

    @cached_property
    def facts(self) -> Mapping[ContextFact, object]:
        """What computed fields may ask about the moment and the place."""
        return {
            ContextFact.TODAY: self.today,
            ContextFact.MEDIA_URL: self.media_url,
            ContextFact.VIEWER: self.viewer,
            ContextFact.VERSION_RULES: self.statement_compiler.installation.version_rules,
            ContextFact.CHANGES_ENABLED: self.change_service.is_enabled,
            ContextFact.STORES_ATTACHMENTS: self.change_service.can_store_attachments,
        }

    @cached_property
    def today(self) -> date:
        """The day on which the request is answered, in UTC."""
        return datetime.now(UTC).date()


Info = strawberry.Info[RequestContext, None]

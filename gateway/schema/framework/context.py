"""The context of a request: the viewer, the loaders, and facts for computed fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from functools import cached_property

import strawberry

from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import Database
from gateway.db.events.feed import FeedPoint
from gateway.db.sql.compiler import StatementCompiler
from gateway.error_table import ErrorKind
from gateway.loaders.read_loader import ReadLoader
from gateway.marketplace.change_service import ChangeService, DisabledChangeService
from gateway.marketplace.requester import Requester


class ContextFact(Enum):
    """A fact about the request or the installation that a computed field can have as input."""

    TODAY = "today"
    """The date of the request in UTC."""
    MEDIA_URL = "media_url"
    """The base URL of media files; None if it is not configured."""
    VIEWER = "viewer"
    """The viewer of the request."""
    VERSION_RULES = "version_rules"
    """The rules of the installation's Waldur version."""
    CHANGES_ENABLED = "changes_enabled"
    """Whether mutations are enabled."""
    CHANGES_BY_REST = "changes_by_rest"
    """Whether Waldur's REST API carries mutations out."""
    ATTACHMENT_ROOT_PATH = "attachment_root_path"
    """The root path of attachments that are stored here; None if they can't be stored."""
    FEED_POINT = "feed_point"
    """The source and the position of the event feed before the request read anything."""


DEFAULT_MAX_ANSWER_ROWS = 20_000
"""The default limit of rows in one answer."""


class ResponseTooLargeError(BaseException):
    """An answer that exceeds the limit of rows.

    It is not an `Exception`, so that it ends the whole execution instead of one field.
    """

    error_kind = ErrorKind.QUERY_TOO_COMPLEX

    def __init__(self, max_rows: int) -> None:
        """Name the limit."""
        super().__init__(
            f"The response must show at most {max_rows} objects. Select less, or use smaller pages."
        )


class RowBudget:
    """The number of rows that an answer may still contain.

    It limits nested lists: a short document can select very many rows.
    """

    def __init__(self, rows: int) -> None:
        """Start with `rows` rows; a row counts as often as it occurs in the answer."""
        self.max_rows = self._remaining_rows = rows

    def consume_rows(self, rows: int) -> None:
        """Subtract `rows`; raises ResponseTooLargeError if fewer remain."""
        self._remaining_rows -= rows
        if self._remaining_rows < 0:
            raise ResponseTooLargeError(self.max_rows)


@dataclass
class RequestContext:
    """The context of one request."""

    database: Database
    statement_compiler: StatementCompiler
    requester: Requester
    media_url: str | None = None
    row_budget: RowBudget = field(default_factory=lambda: RowBudget(DEFAULT_MAX_ANSWER_ROWS))
    change_service: ChangeService = field(default_factory=DisabledChangeService)
    root_path: str = ""
    """The path below which this server is published."""
    feed_point: FeedPoint | None = None
    """The point of the event feed when the context was created; None if events are disabled."""
    give_up_at: float | None = None
    """Time of `time.monotonic` after which a batch begins no further change; None without one.

    It is before the deadline of the request, so that there is time for the response.
    """

    @property
    def viewer(self) -> Viewer:
        """The viewer of the request."""
        return self.requester.viewer

    @cached_property
    def loader(self) -> ReadLoader:
        """The loader of the request, which batches and caches reads."""
        return ReadLoader(self.database, self.statement_compiler, self.viewer)

    def reset_loader(self) -> None:
        """Discard all loaded rows: the database was changed, or the execution has ended."""
        self.__dict__.pop("loader", None)

    @cached_property
    def facts(self) -> Mapping[ContextFact, object]:
        """The facts that computed fields can have as inputs."""
        return {
            ContextFact.TODAY: self.today,
            ContextFact.MEDIA_URL: self.media_url,
            ContextFact.VIEWER: self.viewer,
            ContextFact.VERSION_RULES: self.statement_compiler.installation.version_rules,
            ContextFact.CHANGES_ENABLED: self.change_service.is_enabled,
            ContextFact.CHANGES_BY_REST: self.change_service.uses_rest_api,
            ContextFact.ATTACHMENT_ROOT_PATH: (
                self.root_path if self.change_service.can_store_attachments else None
            ),
            ContextFact.FEED_POINT: self.feed_point,
        }

    @cached_property
    def today(self) -> date:
        """The date of the request in UTC."""
        return datetime.now(UTC).date()


Info = strawberry.Info[RequestContext, None]

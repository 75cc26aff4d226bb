"""Lists that are shown page by page."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from typing import Annotated, Any

import strawberry
from sqlalchemy import Table, func
from strawberry.types import has_object_definition

from gateway.db.query_spec import At, Condition, Of, Read
from gateway.db.sql.row_types import need
from gateway.db.sql.text_search import Searched, searched
from gateway.schema.framework.arguments import Parent
from gateway.schema.framework.computed_inputs import target
from gateway.schema.framework.connection_type import Page
from gateway.schema.framework.context import Info
from gateway.schema.framework.errors import checked
from gateway.schema.framework.filters import NOTHING, Filters
from gateway.schema.framework.page_request import Asked, Form, Stretched, place, size
from gateway.schema.framework.relations import Resolver, made, shown, whole

COUNT = Of(func.count)
ARGUMENTS = {
    "first": (int, "How many nodes from the start of the list, or after `after`: 20, at most 300."),
    "after": (str, "A cursor: the page starts after it."),
    "last": (int, "How many nodes from the end of the list, or before `before`; at most 300."),
    "before": (str, "A cursor: the page ends before it."),
}


@dataclass(frozen=True)
class Search:
    """How a list is searched: the conditions of a kind of search, and what clients read of it."""

    conditions: Searched
    words: str


@dataclass(frozen=True, eq=False)
class Pages:
    """The visible rows of `table`, a page at a time; with a `match`, those whose match is here."""

    table: Table[Any]
    match: At | None
    orders: type[Enum]
    filters: type | None = None
    sides: type[Enum] | None = None
    search: Search | None = None
    visible_to: bool = False
    """Whether clients may ask for what somebody else sees, too."""

    @cached_property
    def conditions(self) -> Filters | None:
        """What the list can be filtered by."""
        return Filters(self.filters) if self.filters else None

    def asked(self, given: dict[str, Any]) -> Asked:
        """Check what a client asks for; BadInputError names what to change."""
        order = given.get("order_by") or next(iter(self.orders))
        wanted, backward = size(given.get("first"), given.get("last"))
        side = given.get("visible_as")
        return Asked(
            order=order,
            size=wanted,
            backward=backward,
            after=place(order, given.get("after"), "after"),
            before=place(order, given.get("before"), "before"),
            filtered=self.conditions.filtered(given.get("filter")) if self.conditions else NOTHING,
            side=None if side is None else side.value,
            query=self._searched(given.get("query")),
            visible_to=_username(given.get("visible_to_username")),
        )

    def _searched(self, query: str | None) -> tuple[str, ...]:
        if not query or self.search is None:
            return ()
        checked(query, "query")
        return searched(query)

    def read(self, columns: tuple[Any, ...], form: Form) -> Read:
        """Describe the page, or with COUNT for its only column the length of the list."""
        return Read(
            self.table,
            columns,
            match=self.match,
            where=self._where(form),
            stretch=form.stretch,
            grouped=form.stretch is None,
            side=form.side,
            visible_to=form.visible_to,
        )

    def _where(self, form: Form) -> tuple[Condition, ...]:
        found = self.conditions.conditions(form.filtered) if self.conditions else ()
        if form.search and self.search:
            found = (*found, *self.search.conditions(form.search))
        return found

    @cached_property
    def described(self) -> Callable[[Form], Read]:
        """Describe what has the same form by the same object: loaders and statements go by it."""

        @lru_cache(500)
        def read(form: Form) -> Read:
            columns = (COUNT,) if form.stretch is None else whole(self.table)
            return self.read(columns, form)

        return read

    def resolver(self) -> Resolver:
        """Give the function that graphql-core calls."""
        (primary,) = self.table.primary_key
        here = None if self.match is None else target_of(self.match)
        need([primary] if here is None else [primary, here])

        async def resolve(root: Parent, info: Info, **given: Any) -> Any:
            if not shown(root, info):
                return None
            key = None if here is None else getattr(root, here.key)
            wanted = self.asked({**given, "filter": plain(given.get("filter"))})
            return self._page(info, key, wanted)

        resolve.__signature__ = inspect.Signature(self._parameters())  # type: ignore[attr-defined]
        return resolve

    def _page(self, info: Info, key: Any, wanted: Asked) -> Page[Any]:
        loads = info.context.loads

        async def load() -> Stretched:
            read = self.described(wanted.form)
            return wanted.stretched(await loads.rows(read, key, wanted.parameters()))

        async def count() -> int:
            found = await loads.rows(self.described(wanted.whole), key, wanted.conditions())
            return found[0][1] if found else 0

        return Page(load=load, made=lambda rows: made(info, self.table, rows), count=count)

    def _arguments(self) -> dict[str, tuple[Any, str]]:
        """Give the arguments that clients see: types and descriptions by name."""
        words = self.search.words if self.search else ""
        other = "A username: only what that user sees as a consumer, too, is wanted."
        given = {
            **ARGUMENTS,
            "order_by": (self.orders, "What the list is sorted by."),
            "filter": (self.filters, "Which nodes are wanted."),
            "visible_as": (self.sides, "From which side the viewer looks."),
            "query": (str if self.search else None, words),
            "visible_to_username": (str if self.visible_to else None, other),
        }
        return {name: each for name, each in given.items() if each[0] is not None}

    def _parameters(self) -> list[inspect.Parameter]:
        """Write the signature of the resolver, which strawberry reads the arguments from."""
        keyword = inspect.Parameter.KEYWORD_ONLY
        described = [
            inspect.Parameter(
                name,
                keyword,
                default=self._default(name),
                annotation=Annotated[kind | None, strawberry.argument(description=text)],
            )
            for name, (kind, text) in self._arguments().items()
        ]
        usual = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return [
            inspect.Parameter("root", usual, annotation=Parent),
            inspect.Parameter("info", usual, annotation=Info),
            *described,
        ]

    def _default(self, name: str) -> Any:
        if name == "order_by":
            return next(iter(self.orders))
        return self.sides["ANY"] if name == "visible_as" and self.sides else strawberry.UNSET


def _username(given: str | None) -> str | None:
    checked(given, "visibleToUsername")
    return given or None


def target_of(match: At) -> Any:
    """Give the column here that the rows' `match` holds."""
    return target(match.column)


def plain(given: Any) -> Any:
    """Give a filter as a dict, whatever is below it, too."""
    if isinstance(given, list):
        return [plain(each) for each in given]
    if has_object_definition(type(given)):
        given = {name: each for name, each in vars(given).items() if each is not strawberry.UNSET}
        return {name: plain(each) for name, each in given.items()}
    return given

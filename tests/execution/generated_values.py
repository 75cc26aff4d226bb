"""Values of arguments as clients might give them: most make sense, few don't."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    get_named_type,
    get_nullable_type,
)

from tests.execution.corpus.known_rows import JOINING, UNKNOWN, Known
from tests.support.schema_documents import SCHEMA
from tests.support.visibility.schema_paths import NODES
from tests.support.visibility.viewer_scenes import global_id

T = TypeVar("T")
Given = dict[str, Any]
"""Arguments by name."""
SEARCHED = ("a", "e", "", "10.0", "%", "no such thing")
USERNAMES = ("owner", "owner_c", "member", "staff", "nobody", "no such user", "")
WRONG_SIZES = (-1, 301, 2**31)
WRONG_IDS = ("", "x", "2YDZgNmA", "a\0", "x" * 1001)
WRONG_CURSORS = ("", "x", "bnVsbA==")


class Named(str):
    """The name of a variable, where a value would stand."""

    __slots__ = ()


class Dice:
    """Makes choices by the bytes of a text; a zero, as all are beyond its end, is the simplest."""

    def __init__(self, thrown: bytes) -> None:
        self._thrown = iter(thrown)

    def chance(self, percent: int) -> bool:
        """Say yes that often."""
        return next(self._thrown, 0) * 100 >= (100 - percent) * 256

    def upto(self, most: int, least: int = 0) -> int:
        """Give a number."""
        return least + next(self._thrown, 0) % (most - least + 1)

    def one_of(self, items: Sequence[T]) -> T:
        """Give one of some."""
        return items[next(self._thrown, 0) % len(items)]


NARROWED: dict[str, list[object]] = {
    "HistoryEntry": ["2026-06-30T12:00:00Z", "2025-06-30", "2024-01-01T00:00:00+05:00", "then"],
    "ComponentUsage": ["2025-12-31", "2026-10-01", None, "yesterday"],
    "TeamMember": [True, False, None, 1],
}
"""What the arguments of short lists may be, by what they list; the last is wrong."""

REQUIRED = {"at"}
"""Those that have to be given."""


MONTHS = (12, 3, 6, 24, 1, 0, 601)
LIMITS: tuple[object, ...] = (
    {"slots": 5, "cold": 2.5},
    {"node_hours": 100000, "gpu_hours": 1e4},
    {},
    None,
    {"slots": -1, "nonsense": 1, "cold": None, "nodes": [True]},
    [1],
    "x",
)
FORMS: tuple[object, ...] = ({"purpose": "Tests", "tier": ["hot"]}, {}, None, {"tier": 1}, [1])
"""What a renewal and an order form may be."""


class Values:
    """Draws arguments."""

    def __init__(self, dice: Dice, known: Known, *, wrong: bool) -> None:
        """Draw values that make sense, or some `wrong` ones too."""
        self._dice, self._known = dice, known
        self._percent = 10 if wrong else 0

    def arguments(self, row: str, names: Sequence[str]) -> Given:
        """Give arguments of those names, for a field that leads to rows of a type."""
        if "first" in names:
            return self._page(row, names)
        if "extensionMonths" in names:
            return self._optional({"extensionMonths": MONTHS, "limits": LIMITS}, names[:1])
        if "attributes" in names:
            return self._form(names)
        if row in NARROWED:
            needed = REQUIRED & {*names}
            return self._optional(dict.fromkeys(names, NARROWED[row]), [*needed])
        if "ids" in names:
            return {"ids": [self._id() for _ in range(self._dice.upto(4) or 1)]}
        return {"id": self._id()} if "id" in names else {"uuid": self._spelled(self._uuid(row))}

    def _form(self, names: Sequence[str]) -> Given:
        nouns = ("project", "offering", "plan")
        rows = {each: [self._spelled(self._uuid(each.title()))] for each in nouns}
        return self._optional({**rows, "attributes": FORMS}, names[:2])

    def _optional(self, values: Mapping[str, Sequence[Any]], needed: Sequence[str]) -> Given:
        """Give what is needed, and half of the rest."""
        given = {name: self._dice.one_of(each) for name, each in values.items()}
        return {n: each for n, each in given.items() if n in needed or self._dice.chance(50)}

    def _page(self, row: str, names: Sequence[str]) -> Given:
        given = {**self._size(), **self._stretch(f"{row}Order")}
        if self._dice.chance(25):
            given["filter"] = self._filter(f"{row}Filter", 2)
        if "visibleAs" in names and self._dice.chance(15):
            given["visibleAs"] = self._dice.one_of(_enum("VisibleAs"))
        if "query" in names and self._dice.chance(10):
            given["query"] = self._dice.one_of([*SEARCHED, self._uuid(row)])
        if "visibleToUsername" in names and self._dice.chance(10):
            given["visibleToUsername"] = self._dice.one_of(USERNAMES)
        return given

    def _stretch(self, order: str) -> Given:
        given: Given = {}
        wanted = _enum(order)[0]
        if self._dice.chance(35):
            wanted = given["orderBy"] = self._dice.one_of(_enum(order))
        for name in ("after", "before"):
            if self._dice.chance(10):
                given[name] = self._cursor(order, wanted, name)
        return given

    def _size(self) -> Given:
        if self._dice.chance(15):
            return {"last": self._number()}
        given = {} if self._dice.chance(3) else {"first": self._number()}
        return {**given, "last": 1} if self._wrong() else given

    def _wrong(self) -> bool:
        return self._dice.chance(self._percent)

    def _number(self) -> int | None:
        if self._wrong():
            return self._dice.one_of(WRONG_SIZES)
        return self._dice.one_of((2, 1, 2, 3, 4, 2, 1, 3, 0, None))

    def _cursor(self, order: str, wanted: str, name: str) -> str:
        """Give a place, for what comes after mostly near the start, for what comes before the end.

        A wrong one may be a place by another order.
        """
        if self._wrong():
            wanted = self._dice.one_of(_enum(order))
        places = self._known.cursors[f"{order}.{wanted}"]
        if self._wrong() or not places:
            return self._dice.one_of(WRONG_CURSORS)
        usual = places[:2] if name == "after" else places[-2:]
        return self._dice.one_of(places if self._dice.chance(20) else usual)

    def _uuid(self, row: str) -> str:
        if self._dice.chance(5):
            return UNKNOWN
        seen = self._known.visible.get(row)
        rows = seen if seen and not self._dice.chance(20) else self._known.everything[row]
        return self._dice.one_of([*rows[:8], UNKNOWN])

    def _spelled(self, uuid: str) -> str:
        if self._wrong():
            return "x"
        return str(UUID(uuid)).upper() if self._dice.chance(10) else uuid

    def _id(self) -> str:
        if self._wrong():
            return self._dice.one_of(WRONG_IDS)
        row = self._dice.one_of(NODES)
        return global_id(row, self._uuid(row))

    def _filter(self, name: str, depth: int) -> Given:
        given: Given = {}
        type_ = SCHEMA.type_map[name]
        assert isinstance(type_, GraphQLInputObjectType)
        fields = [each for each in type_.fields if each not in JOINING]
        for _ in range(self._dice.upto(1 + (depth < 2), 1)):
            field = self._dice.one_of(fields)
            given[field] = self._condition(name, field, type_.fields[field].type)
        if depth and self._dice.chance(30):
            joined = self._dice.one_of(JOINING)
            below = [self._filter(name, depth - 1) for _ in range(self._dice.upto(2, 1))]
            given[joined] = below[0] if joined == "not" else below
        return given

    def _condition(self, name: str, field: str, type_: GraphQLInputType) -> Any:
        if self._dice.chance(3):
            return None
        known = self._known.values(name, field)
        if isinstance(get_nullable_type(type_), GraphQLList) and self._dice.chance(60):
            return [self._dice.one_of(known) for _ in range(self._dice.upto(2))]
        value = self._dice.one_of(known)
        return value[1:4] if field in {"name", "description"} and len(value) > 4 else value


def _enum(name: str) -> list[str]:
    type_ = SCHEMA.type_map[name]
    assert isinstance(type_, GraphQLEnumType)
    return list(type_.values)


def literal(value: Any, type_: GraphQLInputType) -> str:
    """Write a value as it stands in a document."""
    if isinstance(value, Named):
        return f"${value}"
    named: Any = get_named_type(type_)
    if isinstance(value, list):
        return f"[{', '.join(literal(each, type_) for each in value)}]"
    if isinstance(value, dict):
        fields = getattr(named, "fields", {})
        kinds = {name: fields[name].type if fields else type_ for name in value}
        inside = (f"{name}: {literal(each, kinds[name])}" for name, each in value.items())
        return f"{{{', '.join(inside)}}}"
    if isinstance(value, str) and isinstance(named, GraphQLEnumType):
        return value
    return json.dumps(value)

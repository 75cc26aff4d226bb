"""Random values of arguments: most are valid, few are not."""

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

from tests.execution.corpus.known_rows import FILTER_COMBINATORS, UNKNOWN_UUID, KnownRows
from tests.support.schema_documents import SCHEMA
from tests.support.visibility.schema_paths import NODE_TYPES
from tests.support.visibility.viewer_scenes import encode_global_id

T = TypeVar("T")
Arguments = dict[str, Any]
"""Arguments by name."""
SEARCH_TEXTS = ("a", "e", "", "10.0", "%", "no such thing")
USERNAMES = ("owner", "owner_c", "member", "staff", "nobody", "no such user", "")
INVALID_PAGE_SIZES = (-1, 301, 2**31)
INVALID_IDS = ("", "x", "2YDZgNmA", "a\0", "x" * 1001)
INVALID_CURSORS = ("", "x", "bnVsbA==")


class VariableName(str):
    """The name of a variable in place of a value."""

    __slots__ = ()


class ByteChoices:
    """Choices made by random bytes.

    Zero is the simplest choice, and the rest after the last byte is zeros; so hypothesis,
    which shrinks bytes towards zero, shrinks documents to simple ones.
    """

    def __init__(self, random_bytes: bytes) -> None:
        self._bytes = iter(random_bytes)

    def has_chance(self, percent: int) -> bool:
        """Return True with this probability."""
        return next(self._bytes, 0) * 100 >= (100 - percent) * 256

    def pick_number(self, maximum: int, minimum: int = 0) -> int:
        """Return a number in the range, limits included."""
        return minimum + next(self._bytes, 0) % (maximum - minimum + 1)

    def pick_one(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[next(self._bytes, 0) % len(items)]


LIST_ARGUMENT_VALUES: dict[str, list[object]] = {
    "HistoryEntry": ["2026-06-30T12:00:00Z", "2025-06-30", "2024-01-01T00:00:00+05:00", "then"],
    "ComponentUsage": ["2025-12-31", "2026-10-01", None, "yesterday"],
    "TeamMember": [True, False, None, 1],
}
"""Argument values of filtered lists by row type; the last of each is invalid."""

REQUIRED_ARGUMENTS = {"at"}
"""Required arguments of filtered lists."""


EXTENSION_MONTHS = (12, 3, 6, 24, 1, 0, 601)
LIMIT_VALUES: tuple[object, ...] = (
    {"slots": 5, "cold": 2.5},
    {"node_hours": 100000, "gpu_hours": 1e4},
    {},
    None,
    {"slots": -1, "nonsense": 1, "cold": None, "nodes": [True]},
    [1],
    "x",
)
ORDER_FORMS: tuple[object, ...] = (
    {"purpose": "Tests", "tier": ["hot"]},
    {},
    None,
    {"tier": 1},
    [1],
)
"""Values of `attributes`, the order form."""


class RandomArguments:
    """Generator of arguments."""

    def __init__(
        self, choices: ByteChoices, known_rows: KnownRows, *, may_be_invalid: bool
    ) -> None:
        """Generate valid values, and a tenth invalid ones if `may_be_invalid`."""
        self._choices, self._known_rows = choices, known_rows
        self._invalid_percent = 10 if may_be_invalid else 0

    def make_arguments(self, row_type: str, names: Sequence[str]) -> Arguments:
        """Return arguments among `names` for a field whose rows are of `row_type`."""
        if "first" in names:
            return self._make_page_arguments(row_type, names)
        if "extensionMonths" in names:
            return self._make_optional_arguments(
                {"extensionMonths": EXTENSION_MONTHS, "limits": LIMIT_VALUES}, names[:1]
            )
        if "attributes" in names:
            return self._make_order_form(names)
        if row_type in LIST_ARGUMENT_VALUES:
            required = REQUIRED_ARGUMENTS & {*names}
            return self._make_optional_arguments(
                dict.fromkeys(names, LIST_ARGUMENT_VALUES[row_type]), [*required]
            )
        if "ids" in names:
            return {"ids": [self._pick_id() for _ in range(self._choices.pick_number(4) or 1)]}
        return (
            {"id": self._pick_id()}
            if "id" in names
            else {"uuid": self._spell_uuid(self._pick_uuid(row_type))}
        )

    def _make_order_form(self, names: Sequence[str]) -> Arguments:
        nouns = ("project", "offering", "plan")
        uuids_by_noun = {noun: [self._spell_uuid(self._pick_uuid(noun.title()))] for noun in nouns}
        return self._make_optional_arguments(
            {**uuids_by_noun, "attributes": ORDER_FORMS}, names[:2]
        )

    def _make_optional_arguments(
        self, values: Mapping[str, Sequence[Any]], required: Sequence[str]
    ) -> Arguments:
        """Return the required arguments and about half of the others."""
        arguments = {name: self._choices.pick_one(value) for name, value in values.items()}
        return {
            argument_name: value
            for argument_name, value in arguments.items()
            if argument_name in required or self._choices.has_chance(50)
        }

    def _make_page_arguments(self, row_type: str, names: Sequence[str]) -> Arguments:
        arguments = {
            **self._make_size_arguments(),
            **self._make_cursor_arguments(f"{row_type}Order"),
        }
        if self._choices.has_chance(25):
            arguments["filter"] = self._make_filter(f"{row_type}Filter", 2)
        if "visibleAs" in names and self._choices.has_chance(15):
            arguments["visibleAs"] = self._choices.pick_one(_list_enum_values("VisibleAs"))
        if "query" in names and self._choices.has_chance(10):
            arguments["query"] = self._choices.pick_one([*SEARCH_TEXTS, self._pick_uuid(row_type)])
        if "visibleToUsername" in names and self._choices.has_chance(10):
            arguments["visibleToUsername"] = self._choices.pick_one(USERNAMES)
        return arguments

    def _make_cursor_arguments(self, order_type: str) -> Arguments:
        arguments: Arguments = {}
        order_by = _list_enum_values(order_type)[0]
        if self._choices.has_chance(35):
            order_by = arguments["orderBy"] = self._choices.pick_one(_list_enum_values(order_type))
        for name in ("after", "before"):
            if self._choices.has_chance(10):
                arguments[name] = self._pick_cursor(order_type, order_by, name)
        return arguments

    def _make_size_arguments(self) -> Arguments:
        if self._choices.has_chance(15):
            return {"last": self._make_page_size()}
        arguments = {} if self._choices.has_chance(3) else {"first": self._make_page_size()}
        return {**arguments, "last": 1} if self._is_invalid() else arguments

    def _is_invalid(self) -> bool:
        return self._choices.has_chance(self._invalid_percent)

    def _make_page_size(self) -> int | None:
        if self._is_invalid():
            return self._choices.pick_one(INVALID_PAGE_SIZES)
        return self._choices.pick_one((2, 1, 2, 3, 4, 2, 1, 3, 0, None))

    def _pick_cursor(self, order_type: str, order_by: str, name: str) -> str:
        """Return a cursor: for `after` mostly near the start, for `before` near the end.

        An invalid one may be a cursor of another order.
        """
        if self._is_invalid():
            order_by = self._choices.pick_one(_list_enum_values(order_type))
        cursors = self._known_rows.cursors[f"{order_type}.{order_by}"]
        if self._is_invalid() or not cursors:
            return self._choices.pick_one(INVALID_CURSORS)
        likely_cursors = cursors[:2] if name == "after" else cursors[-2:]
        return self._choices.pick_one(cursors if self._choices.has_chance(20) else likely_cursors)

    def _pick_uuid(self, row_type: str) -> str:
        if self._choices.has_chance(5):
            return UNKNOWN_UUID
        visible_uuids = self._known_rows.visible_uuids.get(row_type)
        uuids = (
            visible_uuids
            if visible_uuids and not self._choices.has_chance(20)
            else self._known_rows.all_uuids[row_type]
        )
        return self._choices.pick_one([*uuids[:8], UNKNOWN_UUID])

    def _spell_uuid(self, uuid: str) -> str:
        if self._is_invalid():
            return "x"
        return str(UUID(uuid)).upper() if self._choices.has_chance(10) else uuid

    def _pick_id(self) -> str:
        if self._is_invalid():
            return self._choices.pick_one(INVALID_IDS)
        row_type = self._choices.pick_one(NODE_TYPES)
        return encode_global_id(row_type, self._pick_uuid(row_type))

    def _make_filter(self, name: str, depth: int) -> Arguments:
        filter_: Arguments = {}
        type_ = SCHEMA.type_map[name]
        assert isinstance(type_, GraphQLInputObjectType)
        fields = [field_name for field_name in type_.fields if field_name not in FILTER_COMBINATORS]
        for _ in range(self._choices.pick_number(1 + (depth < 2), 1)):
            field = self._choices.pick_one(fields)
            filter_[field] = self._make_condition(name, field, type_.fields[field].type)
        if depth and self._choices.has_chance(30):
            combinator = self._choices.pick_one(FILTER_COMBINATORS)
            inner_filters = [
                self._make_filter(name, depth - 1) for _ in range(self._choices.pick_number(2, 1))
            ]
            filter_[combinator] = inner_filters[0] if combinator == "not" else inner_filters
        return filter_

    def _make_condition(self, name: str, field: str, type_: GraphQLInputType) -> Any:
        if self._choices.has_chance(3):
            return None
        field_values = self._known_rows.filter_field_values(name, field)
        if isinstance(get_nullable_type(type_), GraphQLList) and self._choices.has_chance(60):
            return [
                self._choices.pick_one(field_values) for _ in range(self._choices.pick_number(2))
            ]
        value = self._choices.pick_one(field_values)
        return value[1:4] if field in {"name", "description"} and len(value) > 4 else value


def _list_enum_values(name: str) -> list[str]:
    type_ = SCHEMA.type_map[name]
    assert isinstance(type_, GraphQLEnumType)
    return list(type_.values)


def write_literal(value: Any, type_: GraphQLInputType) -> str:
    """Return the GraphQL literal of a value."""
    if isinstance(value, VariableName):
        return f"${value}"
    named_type: Any = get_named_type(type_)
    if isinstance(value, list):
        return f"[{', '.join(write_literal(item, type_) for item in value)}]"
    if isinstance(value, dict):
        fields = getattr(named_type, "fields", {})
        field_types = {name: fields[name].type if fields else type_ for name in value}
        fields_text = (
            f"{name}: {write_literal(item, field_types[name])}" for name, item in value.items()
        )
        return f"{{{', '.join(fields_text)}}}"
    if isinstance(value, str) and isinstance(named_type, GraphQLEnumType):
        return value
    return json.dumps(value)

"""What a Waldur of October 2024 answered by REST, and how it is compared with our answers."""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from graphql import GraphQLEnumType, get_named_type, is_composite_type
from strawberry.utils.str_converters import to_snake_case

from tests.support.project_paths import WALDUR_FILES
from tests.support.schema_documents import ASKED, SCHEMA, promised
from tests.support.visibility.schema_paths import leaves

ANSWERS = WALDUR_FILES / "rest"
INDEX = (ANSWERS / "INDEX.txt").read_text(encoding="utf-8")
PICTURES = {"offering_image", "offering_thumbnail", "category_icon", "image", "thumbnail"}
"""Addresses of pictures: REST's are its own, so it only counts whether there is one."""
PER_COMPONENT = {"prices": "price", "quotas": "amount", "future_prices": "futurePrice"}
"""What REST gives of a plan as an object by component, and we give with each component."""
EXCEPTED = {
    "report[]": "its fields are compared",
    "(component usages)": "no name of REST's, which tells them elsewhere",
    "(buttons)": "no name of REST's",
    "(resource.cost)": "no name of REST's",
    "team?has_consent=": "an argument",
    "limit_usage": "compared as far as it does not depend on the day",
    "order_in_progress": "its fields are compared",
    "creation_order": "its fields are compared",
    "plan_periods[].components": "compared beside them, with those of other months",
    "endpoints[]": "its fields are compared",
    "offering_components[]": "its fields are compared, below the offering",
    "components[]": "its fields are compared",
    "plans[]": "its fields are compared",
    "parent_offering_slug": "REST prints the slug of the parent resource, a defect",
    **{f"plans.{name}": "compared by component" for name in PER_COMPONENT},
}
"""What is not compared as it is, and why."""


@dataclass(frozen=True)
class Promise:
    """A field of rest-map.tsv: what REST calls it, and where in our rows it is."""

    name: str
    path: str
    type: str
    """The name of its GraphQL type."""
    row: str = ""
    """How the contract tells it: its section's name of the field, and the whole path."""

    @property
    def is_part(self) -> bool:
        """Say whether it is a field of an offering's components or plans."""
        return self.name.startswith(("components.", "plans."))

    def is_in(self, row: Any) -> bool:
        """Say whether REST's row has the field, and it is to be compared."""
        excepted = self.row.rpartition(": ")[0] in EXCEPTED
        return not excepted and has(row, self.name.split("."))


def has(row: Any, names: list[str]) -> bool:
    """Say whether a row of REST's has what a path of names leads to, null or not."""
    if not names:
        return True
    if isinstance(row, list):
        return any(has(each, names) for each in row)
    return row is not None and names[0] in row and has(row[names[0]], names[1:])


OF_SECTION = re.compile(r"^(order|team\[\]|plan_periods\[\])\.")
"""What the contract puts before the names of some sections."""


def promises(roots: Mapping[str, str]) -> list[Promise]:
    """Give what is promised of some types, each with the path that leads to it."""
    found = []
    for name, path in promised():
        root, _, rest = path.partition(".")
        if root in roots:
            known = OF_SECTION.sub("", name.replace("offering_components.", "components."))
            found.append(Promise(known, roots[root] + rest, _type_of(path), f"{name}: {path}"))
    return found


def habits(roots: Mapping[str, str]) -> list[Promise]:
    """Give the plain fields of some types beyond what is promised: REST has them in snake case."""
    known = {path for _, path in promised()}
    return [
        Promise(prefix + to_snake_case(name), prefix + name, _type_of(f"{root}.{name}"))
        for root, prefix in roots.items()
        for name in leaves(root)
        if f"{root}.{name}" not in known
    ]


def _type_of(path: str) -> str:
    """Name the type of what a path leads to."""
    root, *names = path.split(".")
    type_: Any = SCHEMA.type_map[root]
    for name in names:
        type_ = get_named_type(type_.fields[name].type)
    return "Enum" if isinstance(type_, GraphQLEnumType) else str(type_.name)


def body(name: str) -> Any:
    """Give the body of a stored answer."""
    return json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))["body"]


def selection(root: str, paths: Iterable[str]) -> str:
    """Write a selection of paths that start at a type."""
    tree: dict[str, Any] = {}
    for path in paths:
        place = tree
        for name in path.split("."):
            place = place.setdefault(name, {})
    return _written(SCHEMA.type_map[root], tree)


def _written(type_: Any, tree: dict[str, Any]) -> str:
    found = []
    for name, below in tree.items():
        kind = get_named_type(type_.fields[name].type)
        inside = f" {{ __typename {_written(kind, below)} }}" if is_composite_type(kind) else ""
        found.append(name + ASKED.get(name, "") + inside)
    return " ".join(found)


def values(row: Any, path: str) -> Any:
    """Give what a path leads to: null beyond a null, and beyond a list a list, by uuid."""
    name, _, rest = path.partition(".")
    if row is None or not name:
        return row
    if isinstance(row, list):
        return [values(each, path) for each in sorted(row, key=lambda each: each.get("uuid", ""))]
    return values(row.get(name), rest)


def told(field: Promise, value: Any) -> Any:
    """Give what our value is compared by."""
    if field.name in PICTURES:
        return value is not None
    return _each(value, field.type, _READ)


def expected(field: Promise, value: Any) -> Any:
    """Give what REST's value is compared by."""
    if field.name in PICTURES:
        return value is not None
    if field.row == ROLE:
        return f"PROJECT.{value.upper()}"
    return _each(value, field.type, _EXPECTED)


def _each(value: Any, type_: str, made: Mapping[str, Callable[[Any], Any]]) -> Any:
    """Give what is made of a value of a type, or of each of many; a null stays null."""
    if value is None or type_ not in made:
        return value
    if isinstance(value, list):
        return [_each(each, type_, made) for each in value]
    return made[type_](value)


def _uuid_of(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2]


_READ: Mapping[str, Callable[[Any], Any]] = {
    "ID": lambda value: urlsafe_b64decode(value).decode().rpartition(":")[2],
    "Decimal": Decimal,
}
ROLE = "team[].role: TeamMember.role"
_EXPECTED: Mapping[str, Callable[[Any], Any]] = {
    "ID": _uuid_of,
    "UUID": _uuid_of,
    "Enum": lambda value: re.sub("[ -]", "_", value.upper()),
    "Decimal": lambda value: Decimal(str(value)),
}

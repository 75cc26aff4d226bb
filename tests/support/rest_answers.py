"""Stored REST responses of Waldur (October 2024), and their comparison with GraphQL results."""

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
from tests.support.schema_documents import SAMPLE_ARGUMENTS, SCHEMA, iter_mapped_fields
from tests.support.visibility.schema_paths import leaf_fields

REST_ANSWERS_FOLDER = WALDUR_FILES / "rest"
REST_ANSWER_INDEX = (REST_ANSWERS_FOLDER / "INDEX.txt").read_text(encoding="utf-8")
PICTURE_FIELDS = {"offering_image", "offering_thumbnail", "category_icon", "image", "thumbnail"}
"""URLs of pictures, which have other hosts in REST: only their presence is compared."""
FIELDS_PER_COMPONENT = {"prices": "price", "quotas": "amount", "future_prices": "futurePrice"}
"""Objects by component type of REST's plans, and the fields of `PlanComponent` that they map to."""
UNCOMPARED_FIELDS = {
    "report[]": "its fields are compared",
    "(component usages)": "no field of REST, which has them in other operations",
    "(buttons)": "no field of REST",
    "(resource.cost)": "no field of REST",
    "team?has_consent=": "an argument",
    "limit_usage": "compared as far as it does not depend on the date",
    "order_in_progress": "its fields are compared",
    "creation_order": "its fields are compared",
    "plan_periods[].components": "compared separately, with those of other months",
    "endpoints[]": "its fields are compared",
    "offering_components[]": "its fields are compared as fields of the offering",
    "components[]": "its fields are compared",
    "plans[]": "its fields are compared",
    "parent_offering_slug": "REST prints the slug of the parent resource, a defect",
    **{f"plans.{name}": "compared by component" for name in FIELDS_PER_COMPONENT},
}
"""Fields that are not compared one to one, each with the reason."""


@dataclass(frozen=True)
class MappedField:
    """A field of rest-map.tsv: its REST name and its path in a GraphQL result."""

    rest_name: str
    path: str
    type_name: str
    """The name of its GraphQL type."""
    map_row: str = ""
    """Its row in rest-map.tsv: the REST name in its section, and the whole path."""

    @property
    def is_part(self) -> bool:
        """Whether it is a field of an offering's components or plans."""
        return self.rest_name.startswith(("components.", "plans."))

    def is_comparable_in(self, rest_row: Any) -> bool:
        """Return whether a REST row has the field and the field is compared."""
        is_uncompared = self.map_row.rpartition(": ")[0] in UNCOMPARED_FIELDS
        return not is_uncompared and has_path(rest_row, self.rest_name.split("."))


def has_path(row: Any, names: list[str]) -> bool:
    """Return whether a REST row has a value, null or not, at a path of names."""
    if not names:
        return True
    if isinstance(row, list):
        return any(has_path(each, names) for each in row)
    return row is not None and names[0] in row and has_path(row[names[0]], names[1:])


SECTION_PREFIX_PATTERN = re.compile(r"^(order|team\[\]|plan_periods\[\])\.")
"""Prefixes of REST names in some sections of rest-map.tsv."""


def load_mapped_fields(roots: Mapping[str, str]) -> list[MappedField]:
    """Return the fields in rest-map.tsv of some types; `roots` maps a type to its path prefix."""
    mapped_fields = []
    for name, path in iter_mapped_fields():
        root, _, subpath = path.partition(".")
        if root in roots:
            rest_name = SECTION_PREFIX_PATTERN.sub(
                "", name.replace("offering_components.", "components.")
            )
            mapped_fields.append(
                MappedField(
                    rest_name, roots[root] + subpath, _get_type_name(path), f"{name}: {path}"
                )
            )
    return mapped_fields


def derive_unmapped_fields(roots: Mapping[str, str]) -> list[MappedField]:
    """Return the leaf fields of some types that rest-map.tsv lacks; REST has them in snake case."""
    mapped_paths = {path for _, path in iter_mapped_fields()}
    return [
        MappedField(prefix + to_snake_case(name), prefix + name, _get_type_name(f"{root}.{name}"))
        for root, prefix in roots.items()
        for name in leaf_fields(root)
        if f"{root}.{name}" not in mapped_paths
    ]


def _get_type_name(path: str) -> str:
    """Return the name of the type at a path."""
    root, *names = path.split(".")
    type_: Any = SCHEMA.type_map[root]
    for name in names:
        type_ = get_named_type(type_.fields[name].type)
    return "Enum" if isinstance(type_, GraphQLEnumType) else str(type_.name)


def load_answer_body(name: str) -> Any:
    """Return the body of a stored REST response."""
    return json.loads((REST_ANSWERS_FOLDER / f"{name}.json").read_text(encoding="utf-8"))["body"]


def build_selection(root: str, paths: Iterable[str]) -> str:
    """Return a selection of paths that start at a type."""
    tree: dict[str, Any] = {}
    for path in paths:
        node = tree
        for name in path.split("."):
            node = node.setdefault(name, {})
    return _format_selection(SCHEMA.type_map[root], tree)


def _format_selection(type_: Any, tree: dict[str, Any]) -> str:
    selections = []
    for name, subtree in tree.items():
        field_type = get_named_type(type_.fields[name].type)
        selection_set = (
            f" {{ __typename {_format_selection(field_type, subtree)} }}"
            if is_composite_type(field_type)
            else ""
        )
        selections.append(name + SAMPLE_ARGUMENTS.get(name, "") + selection_set)
    return " ".join(selections)


def extract_values(row: Any, path: str) -> Any:
    """Return the value at a path: None below a null, a list below a list, sorted by uuid."""
    name, _, subpath = path.partition(".")
    if row is None or not name:
        return row
    if isinstance(row, list):
        return [
            extract_values(each, path)
            for each in sorted(row, key=lambda each: each.get("uuid", ""))
        ]
    return extract_values(row.get(name), subpath)


def normalise_gateway_value(field: MappedField, value: Any) -> Any:
    """Return a GraphQL value in the form that is compared."""
    if field.rest_name in PICTURE_FIELDS:
        return value is not None
    return _convert_values(value, field.type_name, _GATEWAY_CONVERTERS)


def normalise_rest_value(field: MappedField, value: Any) -> Any:
    """Return a REST value in the form that is compared."""
    if field.rest_name in PICTURE_FIELDS:
        return value is not None
    if field.map_row == TEAM_ROLE_MAP_ROW:
        return f"PROJECT.{value.upper()}"
    return _convert_values(value, field.type_name, _REST_CONVERTERS)


def _convert_values(
    value: Any, type_name: str, converters: Mapping[str, Callable[[Any], Any]]
) -> Any:
    """Return a value, or each item of a list, converted by its type; None stays None."""
    if value is None or type_name not in converters:
        return value
    if isinstance(value, list):
        return [_convert_values(item, type_name, converters) for item in value]
    return converters[type_name](value)


def _parse_uuid_of_url(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2]


_GATEWAY_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "ID": lambda value: urlsafe_b64decode(value).decode().rpartition(":")[2],
    "Decimal": Decimal,
}
TEAM_ROLE_MAP_ROW = "team[].role: TeamMember.role"
_REST_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "ID": _parse_uuid_of_url,
    "UUID": _parse_uuid_of_url,
    "Enum": lambda value: re.sub("[ -]", "_", value.upper()),
    "Decimal": lambda value: Decimal(str(value)),
}

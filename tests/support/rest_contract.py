"""The rows of rest-map.tsv, the contract of names: REST name, GraphQL path, stored values."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from graphql import GraphQLField, get_named_type

from tests.support.rest_answers import (
    REST_ANSWER_INDEX,
    REST_ANSWERS_FOLDER,
    SECTION_PREFIX_PATTERN,
    has_path,
    load_answer_body,
)
from tests.support.schema_documents import REST_MAP_FILE, SCHEMA

WRITE_ROOTS = ("Mutation.", "Subscription.")
ANSWERS_BY_SECTION = {
    "resource": [
        "detail_basic_options",
        "detail_instance_child",
        "detail_member",
        "detail_slurm_ok",
        "detail_terminated",
        "list_project_member_c0",
        "provider_list_provider_a_owner",
    ],
    "offering (the `offering` operation)": ["public_offerings_member"],
    "team member (the `team` operation)": ["detail_team"],
    "others": ["detail_plan_periods"],
}
"""The stored REST responses that contain the objects of a section."""
ANSWERS_BY_SECTION["offering component"] = ANSWERS_BY_SECTION["offering (the `offering` operation)"]
ANSWERS_BY_SECTION["order (order_in_progress, creation_order, the orders operations)"] = (
    ANSWERS_BY_SECTION["resource"]
)
ORDER_KEYS = "creation_order", "order_in_progress"
PATH_STEP_PATTERN = re.compile(r"(\w+)(?:\((.*)\))?")


class ContractRow(NamedTuple):
    """A row of rest-map.tsv."""

    section: str
    name: str
    path: str

    def __str__(self) -> str:
        """Return the row in the spelling of `MappedField.map_row`."""
        return f"{self.name}: {re.sub(r'[(].*?[)]', '', self.path)}"

    @property
    def is_readable(self) -> bool:
        """Whether it is a query, and no mutation or subscription."""
        return not self.path.startswith(WRITE_ROOTS)

    @property
    def is_operation(self) -> bool:
        """Whether it is a REST operation rather than a field."""
        return self.section == "what it is in GraphQL"

    def has_stored_value(self) -> bool:
        """Return whether a stored REST response contains its value."""
        if self.is_operation:
            return _has_stored_body(self.name)
        name = self.name.replace("offering_components.", "components.")
        names = SECTION_PREFIX_PATTERN.sub("", name).replace("[]", "").split(".")
        return any(has_path(each, names) for each in _load_section_rows(self.section))


def iterate_contract_rows() -> Iterator[ContractRow]:
    """Yield all rows."""
    section = ""
    for line in REST_MAP_FILE.read_text(encoding="utf-8").splitlines():
        name, path, *_ = line.split("\t")
        if name.startswith("## "):
            section = path
        elif not name.startswith("#"):
            yield ContractRow(section, name, path)


def find_missing_parts(row: ContractRow) -> list[str]:
    """Return the first part of a row's path that the schema lacks, an empty list if it has all."""
    root, *steps = re.findall(r"(?:\w+)(?:\(.*?\))?", row.path)
    type_: Any = SCHEMA.type_map.get(root)
    for step in steps:
        match = PATH_STEP_PATTERN.fullmatch(step)
        assert match
        field: GraphQLField | None = getattr(type_, "fields", {}).get(match[1])
        if field is None:
            return [step]
        arguments = re.findall(r"(\w+):", match[2] or "")
        if not _list_argument_names(field) >= {*arguments}:
            return [step]
        type_ = get_named_type(field.type)
    return [] if type_ is not None else [root]


def _list_argument_names(field: GraphQLField) -> set[str]:
    """Return the names of a field's arguments; for a mutation also those of its input's fields."""
    input_types = [get_named_type(each.type) for each in field.args.values()]
    input_names = [name for each in input_types for name in getattr(each, "fields", ())]
    return {*field.args, *input_names}


def _load_section_rows(section: str) -> list[Any]:
    rows = [load_answer_body(name) for name in ANSWERS_BY_SECTION.get(section, ())]
    return (
        [row.get(name) for row in _flatten_rows(rows) for name in ORDER_KEYS]
        if "order (" in section
        else rows
    )


def _flatten_rows(rows: list[Any]) -> Iterator[Any]:
    for row in rows:
        yield from row if isinstance(row, list) else [row]


def _has_stored_body(operation: str) -> bool:
    """Return whether the response body of a REST operation is stored."""
    method, _, url_path = operation.partition(" ")
    url_path = url_path.removeprefix("marketplace-resources/").replace("{uuid}", "[0-9a-f]{32}")
    url_pattern = (
        url_path if url_path.startswith("marketplace-") else f"marketplace-resources/{url_path}"
    )
    line_pattern = rf"^(\w+) +{method} +200 .* /api/{url_pattern}(?:\?\S*)?(?:  .*)?$"
    return any(
        (REST_ANSWERS_FOLDER / f"{name}.json").exists()
        for name in re.findall(line_pattern, REST_ANSWER_INDEX, re.MULTILINE)
    )

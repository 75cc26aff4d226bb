"""The contract of names, row by row: what REST calls it, where it is here, what tells its value."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from graphql import GraphQLField, get_named_type

from tests.support.rest_answers import ANSWERS, INDEX, OF_SECTION, body, has
from tests.support.schema_documents import MAP, SCHEMA

CHANGING = ("Mutation.", "Subscription.")
STORED = {
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
"""The stored answers that hold what a section of the contract is about."""
STORED["offering component"] = STORED["offering (the `offering` operation)"]
STORED["order (order_in_progress, creation_order, the orders operations)"] = STORED["resource"]
ORDERS = "creation_order", "order_in_progress"
STEP = re.compile(r"(\w+)(?:\((.*)\))?")


class Row(NamedTuple):
    """A row of the contract."""

    section: str
    name: str
    path: str

    def __str__(self) -> str:
        """Tell the row as `Promise.row` does."""
        return f"{self.name}: {re.sub(r'[(].*?[)]', '', self.path)}"

    @property
    def is_operation(self) -> bool:
        """Say whether it is an address of REST's, and not a field of an answer."""
        return self.section == "what it is in GraphQL"

    def stored(self) -> bool:
        """Say whether a stored answer holds its value."""
        if self.is_operation:
            return _answered(self.name)
        name = self.name.replace("offering_components.", "components.")
        names = OF_SECTION.sub("", name).replace("[]", "").split(".")
        return any(has(each, names) for each in _rows(self.section))


def reading() -> Iterator[Row]:
    """Give the rows of the contract that read."""
    section = ""
    for line in MAP.read_text(encoding="utf-8").splitlines():
        name, path, *_ = line.split("\t")
        if name.startswith("## "):
            section = path
        elif not name.startswith("#") and not path.startswith(CHANGING):
            yield Row(section, name, path)


def missing(row: Row) -> list[str]:
    """Name what the schema lacks of a row's path: types, fields and arguments."""
    root, *steps = re.findall(r"(?:\w+)(?:\(.*?\))?", row.path)
    type_: Any = SCHEMA.type_map.get(root)
    for step in steps:
        found = STEP.fullmatch(step)
        assert found
        field: GraphQLField | None = getattr(type_, "fields", {}).get(found[1])
        if field is None:
            return [step]
        arguments = re.findall(r"(\w+):", found[2] or "")
        if not field.args.keys() >= {*arguments}:
            return [step]
        type_ = get_named_type(field.type)
    return [] if type_ is not None else [root]


def _rows(section: str) -> list[Any]:
    rows = [body(name) for name in STORED.get(section, ())]
    return (
        [row.get(name) for row in _flat(rows) for name in ORDERS] if "order (" in section else rows
    )


def _flat(rows: list[Any]) -> Iterator[Any]:
    for each in rows:
        yield from each if isinstance(each, list) else [each]


def _answered(operation: str) -> bool:
    """Say whether the body of an answer to a reading operation is stored."""
    method, _, address = operation.partition(" ")
    address = address.removeprefix("marketplace-resources/").replace("{uuid}", "[0-9a-f]{32}")
    known = address if address.startswith("marketplace-") else f"marketplace-resources/{address}"
    line = rf"^(\w+) +{method} +200 .* /api/{known}(?:\?\S*)?(?:  .*)?$"
    return any(
        (ANSWERS / f"{name}.json").exists() for name in re.findall(line, INDEX, re.MULTILINE)
    )

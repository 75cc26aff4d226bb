"""Check that codes stand in `db/tables/codes.py` only, and what kinds of events say themselves."""

import ast
import re
from enum import Enum
from itertools import product
from pathlib import Path

import pytest

from gateway.db.driver.encoding import inline_literal
from gateway.db.tables import codes
from gateway.db.tables.codes import (
    BackendState,
    BillingType,
    EventKind,
    OrderState,
    ResourceState,
)
from tests.support.project_paths import PROJECT_ROOT

CODES_FILE = PROJECT_ROOT / "gateway/db/tables/codes.py"
CODE_COLUMN = re.compile(
    r"(?!runtime_state)(\w+_)?(state|billing_type|limit_period|order_type)", re.IGNORECASE
)
"""Names of columns and variables that hold a code; run-time states are free text."""
CODE_CONSTANT = re.compile(r"_?(\w+_)?(STATES?|ORDER_TYPES?|BILLING_TYPES?|LIMIT_PERIODS?)")
SQL_COMPARISON = re.compile(
    r"\b(\w+_)?(state|billing_type|limit_period)\s*(=|<>|!=|in\s*\()\s*['\d]", re.IGNORECASE
)
SOURCE_FILES = sorted({*(PROJECT_ROOT / "gateway").rglob("*.py")} - {CODES_FILE})


def is_literal(node: ast.expr) -> bool:
    """Return whether an expression is a literal code, or a collection with one."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, (int, str)) and not isinstance(value, bool)
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            return any(map(is_literal, elements))
        case ast.Call(func=ast.Name(id="range")):
            return True
    return False


def is_code_name(node: ast.expr) -> bool:
    """Return whether an expression is a column or variable that holds a code."""
    name = getattr(node, "attr", getattr(node, "id", ""))
    return CODE_COLUMN.fullmatch(name) is not None


def compares_literal(node: ast.AST) -> bool:
    """Return whether a node compares a code with a literal."""
    match node:
        case ast.Compare(left=left, comparators=comparators):
            sides = [left, *comparators]
            return any(map(is_code_name, sides)) and any(map(is_literal, sides))
        case ast.Call(func=ast.Attribute(value=column, attr="in_"), args=[values]):
            return is_code_name(column) and is_literal(values)
        case ast.Call(func=ast.Name(id="equals_constant" | "in_constants"), args=[column, value]):
            return is_code_name(column) and is_literal(value)
    return False


def spell_mutation(name: str) -> str:
    """Return the name of a mutation, such as `setResourceState` for SET_RESOURCE_STATE."""
    first_word, *other_words = name.lower().split("_")
    return first_word + "".join(each.capitalize() for each in other_words)


def names_literal(node: ast.AST) -> bool:
    """Return whether a node is an argument or a constant with a literal code, or SQL with one."""
    match node:
        case ast.keyword(arg=str(name), value=value):
            return CODE_COLUMN.fullmatch(name) is not None and is_literal(value)
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            is_mutation = ast.unparse(value) == repr(spell_mutation(name))
            return (
                CODE_CONSTANT.fullmatch(name) is not None and is_literal(value) and not is_mutation
            )
        case ast.Constant(value=str(text)):
            return SQL_COMPARISON.search(text) is not None
    return False


def find_literal_codes(source: str) -> list[str]:
    """Return the parts of a source text with a literal code."""
    nodes = ast.walk(ast.parse(source))
    return [ast.unparse(each) for each in nodes if compares_literal(each) or names_literal(each)]


@pytest.mark.parametrize("path", SOURCE_FILES, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_no_other_file_has_literal_codes(path: Path) -> None:
    assert find_literal_codes(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "order.state == 2",
        "2 != row.old_state",
        "state in (1, 2)",
        "_component.billing_type == 'limit'",
        "order.state.in_([1, 2])",
        "equals_constant(order.state, 2)",
        "insert_row(table, state=2)",
        "TERMINATED_STATE = 6",
        "_USABLE_STATES = (2, 3)",
        "SQL = 'select 1 from marketplace_order where state in (1, 2)'",
        "SQL = f'{start} and r.state = 2'",
    ],
)
def test_literal_codes_are_found(source: str) -> None:
    assert len(find_literal_codes(source)) == 1


@pytest.mark.parametrize(
    "code_type",
    [each for each in vars(codes).values() if isinstance(each, type) and issubclass(each, Enum)],
)
def test_members_are_inlined_as_the_stored_value(code_type: type[Enum]) -> None:
    for member in code_type:
        assert str(inline_literal(member)) == str(inline_literal(member.value))  # type: ignore[arg-type]
        assert f"{member}" == str(member.value)


def test_states_have_the_numbers_of_waldur() -> None:
    assert [*map(int, ResourceState)] == [1, 2, 3, 4, 5, 6]
    assert {int(each): each.name.lower() for each in OrderState} == {
        1: "pending_consumer",
        2: "executing",
        3: "done",
        4: "erred",
        5: "canceled",
        6: "rejected",
        7: "pending_provider",
        8: "pending_project",
        9: "pending_start_date",
    }
    assert [*BillingType] == ["fixed", "usage", "limit", "one", "few"]


def test_backend_states_have_the_names_of_rest() -> None:
    assert [each.display_name for each in BackendState] == [
        "Update Scheduled",
        "Updating",
        "OK",
        "Erred",
        "Creation Scheduled",
        "Creating",
        "Deletion Scheduled",
        "Deleting",
    ]


EXPECTED_SIDES = {
    "CREATED": (False, True),
    "STATE_CHANGED": (True, True),
    "UPDATED": (True, True),
    "HIDDEN": (True, False),
    "DELETED": (True, False),
}
"""Whether a resource exists before and after an event of each kind."""
EXPECTED_KINDS = {
    "CREATED": (None, "CREATED", None, "CREATED"),
    "STATE_CHANGED": (None, "CREATED", "HIDDEN", "STATE_CHANGED"),
    "UPDATED": (None, "CREATED", "HIDDEN", "UPDATED"),
    "HIDDEN": (None, None, "HIDDEN", "HIDDEN"),
    "DELETED": (None, None, "DELETED", "DELETED"),
}
"""The kind for viewers who see neither side, only that after, only that before, both."""


def test_all_kinds_are_in_the_tables() -> None:
    kinds = [*EventKind]
    assert [*EXPECTED_SIDES] == [*EXPECTED_KINDS] == kinds
    sides = {each.value: (each.existed_before, each.exists_after) for each in kinds}
    assert sides == EXPECTED_SIDES
    assert [each for each in kinds if each.is_change] == ["STATE_CHANGED", "UPDATED"]


@pytest.mark.parametrize("kind", EventKind)
def test_viewers_see_a_kind_by_the_sides_visible_to_them(kind: EventKind) -> None:
    kinds = [
        kind.see_as(was_visible=was_visible, is_visible=is_visible)
        for was_visible, is_visible in product((False, True), repeat=2)
    ]
    assert (*kinds,) == EXPECTED_KINDS[kind.value]


@pytest.mark.parametrize("kind", EventKind)
def test_a_seen_kind_is_seen_as_itself(kind: EventKind) -> None:
    """Check that what a viewer receives has the sides that were visible to them."""
    for was_visible, is_visible in product((False, True), repeat=2):
        seen_kind = kind.see_as(was_visible=was_visible, is_visible=is_visible)
        if seen_kind is not None:
            assert seen_kind.exists_after is (is_visible and kind.exists_after)
            assert seen_kind.existed_before is (was_visible and kind.existed_before)

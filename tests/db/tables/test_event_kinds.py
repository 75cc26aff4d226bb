"""Test the kinds of resource events: what each says itself, and what a viewer sees of it."""

from itertools import product

import pytest

from gateway.db.tables.codes import ResourceEventKind

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
    kinds = [*ResourceEventKind]
    assert [*EXPECTED_SIDES] == [*EXPECTED_KINDS] == kinds
    sides = {each.value: (each.existed_before, each.exists_after) for each in kinds}
    assert sides == EXPECTED_SIDES
    assert [each for each in kinds if each.is_change] == ["STATE_CHANGED", "UPDATED"]


@pytest.mark.parametrize("kind", ResourceEventKind)
def test_viewers_see_a_kind_by_the_sides_visible_to_them(kind: ResourceEventKind) -> None:
    kinds = [
        kind.see_as(was_visible=was_visible, is_visible=is_visible)
        for was_visible, is_visible in product((False, True), repeat=2)
    ]
    assert (*kinds,) == EXPECTED_KINDS[kind.value]


@pytest.mark.parametrize("kind", ResourceEventKind)
def test_a_seen_kind_is_seen_as_itself(kind: ResourceEventKind) -> None:
    """Check that what a viewer receives has the sides that were visible to them."""
    for was_visible, is_visible in product((False, True), repeat=2):
        seen_kind = kind.see_as(was_visible=was_visible, is_visible=is_visible)
        if seen_kind is not None:
            assert seen_kind.exists_after is (is_visible and kind.exists_after)
            assert seen_kind.existed_before is (was_visible and kind.existed_before)

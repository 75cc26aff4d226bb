"""What a viewer sees and may do are asked of it in two ways; only row filters ask for the first."""

import ast
from collections.abc import Iterator
from pathlib import Path

import gateway
from gateway.db.access.token_scopes import TokenScopes
from gateway.db.access.viewer import Viewer

PACKAGE = Path(gateway.__file__).parent
STAFF_FACTS = {"is_staff", "is_support"}
"""Attributes of a viewer that don't consider the scopes of a token."""
TABLE_COLUMNS = {"db/queries/marketplace_checks.py": {"_user"}}
"""Tables of users, by file: their columns have the same names."""
READERS_OF_EVERYTHING = {
    "db/access/viewer.py",
    "db/access/visibility.py",
    "rest_api/rest_action.py",
    "schema/types/order.py",
}
"""Files in which `sees_everything` decides what is shown."""
PROJECT, OTHER = ("project", 1), ("project", 2)


def iterate_attributes(names: set[str]) -> Iterator[tuple[str, str]]:
    """Yield each file that reads one of the attributes, and the expression that has it."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in names:
                yield str(path.relative_to(PACKAGE)), ast.unparse(node.value)


def test_operations_do_not_ask_whether_a_user_is_staff() -> None:
    uses = [
        (file, owner)
        for file, owner in iterate_attributes(STAFF_FACTS)
        if not file.startswith("db/access/") and owner not in TABLE_COLUMNS.get(file, ())
    ]
    assert uses == []


def test_what_all_rows_means_is_asked_only_where_rows_are_shown() -> None:
    assert {file for file, _ in iterate_attributes({"sees_everything"})} == READERS_OF_EVERYTHING


def test_scopes_limit_permissions_of_staff_and_others() -> None:
    scopes = TokenScopes(frozenset({"RESOURCE.UPDATE"}))
    granted = frozenset({"RESOURCE.UPDATE project 1", "RESOURCE.PULL project 1"})
    for viewer, is_staff in ((Viewer(1, is_staff=True), True), (Viewer(2), False)):
        user = Viewer(viewer.user_id, is_staff=is_staff, permissions=granted)
        holder = Viewer(viewer.user_id, is_staff=is_staff, permissions=granted, token_scopes=scopes)
        for permission in ("RESOURCE.UPDATE", "RESOURCE.PULL"):
            assert user.has_permission(permission, PROJECT)
            is_in_scopes = permission == "RESOURCE.UPDATE"
            assert holder.has_permission(permission, PROJECT) == is_in_scopes
            assert holder.without_token.has_permission(permission, PROJECT)
        assert holder.has_permission("RESOURCE.UPDATE", OTHER) == is_staff


def test_bounds_apply_to_the_object_that_has_the_role() -> None:
    scopes = TokenScopes(frozenset({"RESOURCE.UPDATE"}), frozenset({PROJECT}))
    granted = frozenset({"RESOURCE.UPDATE project 2", "RESOURCE.UPDATE customer 1"})
    viewer = Viewer(2, permissions=granted, token_scopes=scopes)
    assert viewer.without_token.has_permission("RESOURCE.UPDATE", PROJECT, OTHER)
    assert not viewer.has_permission("RESOURCE.UPDATE", PROJECT, OTHER, ("customer", 1))
    staff = Viewer(1, is_staff=True, token_scopes=scopes)
    assert staff.has_permission("RESOURCE.UPDATE", PROJECT, OTHER)
    assert not staff.has_permission("RESOURCE.UPDATE", OTHER, ("project", None))


def test_acting_as_staff_or_support_needs_a_scope() -> None:
    answers = {}
    for name, viewer in {
        "staff": Viewer(1, is_staff=True),
        "support": Viewer(1, is_support=True),
        "user": Viewer(1),
    }.items():
        for scope in ("STAFF.ACCESS", "SUPPORT.ACCESS", "OTHER"):
            holder = Viewer(
                viewer.user_id,
                is_staff=viewer.is_staff,
                is_support=viewer.is_support,
                token_scopes=TokenScopes(frozenset({scope})),
            )
            answers[name, scope] = (
                holder.acts_as_staff(None),
                holder.acts_as_staff_or_support(None),
            )
        assert viewer.acts_as_staff_or_support(None) == (name != "user")
    assert {key: value for key, value in answers.items() if any(value)} == {
        ("staff", "STAFF.ACCESS"): (True, True),
        ("support", "STAFF.ACCESS"): (False, True),
        ("support", "SUPPORT.ACCESS"): (False, True),
    }

"""Limits of a request's variables: what is counted, and how an error names it."""

from typing import Any

import pytest

from gateway.error_table import get_error_rule
from gateway.execution.variable_limits import VariableLimitError, VariableLimits

SMALL_LIMITS = VariableLimits(
    values=20, objects=3, list_items=5, text_chars=10, name_chars=8, depth=4
)


def nest_lists(levels: int) -> Any:
    """Return an empty list in lists, `levels` together."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


class UnreadableList(list[Any]):
    """List that must not be read beyond its length."""

    def __iter__(self) -> Any:
        raise AssertionError("the items of a list that is too long were read")


@pytest.mark.parametrize(
    "variables",
    [
        None,
        {},
        {"a": None, "b": True, "c": 1, "d": 0.5},
        {"a": "x" * 10},
        {"x" * 8: 1},
        {"a": [1] * 5},
        {"a": [[1] * 5, [2] * 5, [3] * 5]},
        {"a": [{}, {}, {}]},
        {"a": nest_lists(4)},
        {"a": {"b": {"c": {"d": 1}}}},
    ],
)
def test_variables_at_the_limits_are_accepted(variables: dict[str, Any] | None) -> None:
    SMALL_LIMITS.check_variables(variables)


@pytest.mark.parametrize(
    ("variables", "expected_message"),
    [
        ({"a": "x" * 11}, "`variables.a` must have at most 10 characters, got 11."),
        ({"a": [0, {"b": "x" * 11}]}, "`variables.a.1.b` must have at most 10 characters, got 11."),
        ({"x" * 9: 1}, "`variables` must have at most 8 characters in a name, got 9."),
        ({"a": {"x" * 9: 1}}, "`variables.a` must have at most 8 characters in a name, got 9."),
        ({"a": [1] * 6}, "`variables.a` must have at most 5 items, got 6."),
        ({"a": {"b": [[1] * 6]}}, "`variables.a.b.0` must have at most 5 items, got 6."),
        (
            {str(i): 0 for i in range(21)},
            "`variables` must have at most 20 values in total, got 21 or more.",
        ),
        (
            {"a": [[1] * 5] * 4},
            "`variables` must have at most 20 values in total, got 25 or more.",
        ),
        (
            {"a": [{}] * 4},
            "`variables` must have at most 3 objects in total, got 4 or more.",
        ),
        (
            {"a": {}, "b": {}, "c": {"d": {}}},
            "`variables` must have at most 3 objects in total, got 4 or more.",
        ),
        (
            {"a": nest_lists(5)},
            "`variables.a.0.0.0.0` must have at most 4 levels of lists and objects.",
        ),
    ],
)
def test_errors_name_the_value_and_the_limit(
    variables: dict[str, Any], expected_message: str
) -> None:
    with pytest.raises(VariableLimitError) as caught:
        SMALL_LIMITS.check_variables(variables)
    assert caught.value.message == expected_message
    assert get_error_rule(caught.value).status == 400


def test_items_are_not_read_beyond_a_limit() -> None:
    with pytest.raises(VariableLimitError, match=r"`variables\.a` must have at most 5 items"):
        SMALL_LIMITS.check_variables({"a": UnreadableList([1] * 6)})


def test_levels_are_not_limited_by_recursion() -> None:
    with pytest.raises(VariableLimitError, match="25 levels"):
        VariableLimits().check_variables({"a": nest_lists(10_000)})


def test_long_paths_are_shortened() -> None:
    value: Any = "x" * 100_001
    for _ in range(20):
        value = {"n" * 1000: value}
    with pytest.raises(VariableLimitError) as caught:
        VariableLimits().check_variables({"a": value})
    assert len(caught.value.message) < 280

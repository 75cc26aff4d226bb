"""Validation of option answers by the question's type (domain.md §5.9)."""

from typing import Any

import pytest

from gateway.exact_json import ExactNumber
from gateway.marketplace.option_answers import check_answers

CHOICES = {"choices": ["hot", "cold"]}
VALID_ANSWERS: list[tuple[dict[str, Any], Any]] = [
    ({"type": "integer"}, 7),
    ({"type": "integer", "min": 7, "max": 7}, 7),
    ({"type": "money", "min": 0}, 0),
    ({"type": "boolean"}, False),
    ({"type": "date"}, "2028-02-29"),
    ({"type": "time"}, "22:30:00"),
    ({"type": "select_string", **CHOICES}, "hot"),
    ({"type": "select_string_multi", **CHOICES}, ["hot", "cold"]),
    ({"type": "select_string_multi", **CHOICES}, []),
    ({"type": "select_multiple_openstack_tenants"}, ["https://example.org/1/"]),
    ({"type": "conditional_cascade"}, {"field": "Life"}),
    ({"type": "html_text"}, "<p>"),
    ({"type": "of a newer Waldur"}, "x"),
    ({}, "x"),
]
INVALID_ANSWERS: list[tuple[dict[str, Any], Any, str]] = [
    ({"type": "integer"}, "7", "whole number"),
    ({"type": "integer"}, 7.5, "whole number"),
    ({"type": "integer"}, True, "whole number"),
    ({"type": "integer", "min": 8}, 7, "must be at least 8, got 7."),
    ({"type": "integer", "max": 6}, 7, "must be at most 6, got 7."),
    ({"type": "integer", "max": 6}, 10**20, "must be at most 6, got a number out of range."),
    ({"type": "money", "max": 6.5}, 7, "must be at most 6.5, got 7."),
    ({"type": "money", "max": ExactNumber("6.50")}, 7, "must be at most 6.50, got 7."),
    ({"type": "integer"}, ExactNumber("7.0"), "whole number, got 7.0."),
    ({"type": "integer"}, ExactNumber("1e400"), "whole number, got a number out of range."),
    ({"type": "string"}, ExactNumber(f"0.{'1' * 99}"), "a string, got a number out of range."),
    ({"type": "boolean"}, "yes", "must be true or false, got a string."),
    ({"type": "date"}, "2027-02-29", "2026-01-31"),
    ({"type": "date"}, 7, "2026-01-31"),
    ({"type": "time"}, "25:00", "22:30:00"),
    ({"type": "select_string", **CHOICES}, "warm", "hot, cold"),
    ({"type": "select_string"}, "warm", "must be one of"),
    ({"type": "select_string_multi", **CHOICES}, "hot", "list"),
    ({"type": "select_string_multi", **CHOICES}, ["warm"], "hot, cold"),
    ({"type": "select_multiple_openstack_instances"}, [7], "list of strings"),
    ({"type": "conditional_cascade"}, [], "must be an object with a choice for each step"),
    ({"type": "string"}, 7, "must be a string, got 7."),
    ({"type": "string"}, None, "must not be null"),
]


@pytest.mark.parametrize(("question", "value"), VALID_ANSWERS)
def test_accepts_valid_answers(question: dict[str, Any], value: Any) -> None:
    assert check_answers({"size": question}, {"size": value, "unknown": None}) is None


@pytest.mark.parametrize(("question", "value", "expected_text"), INVALID_ANSWERS)
def test_explains_invalid_answers(question: dict[str, Any], value: Any, expected_text: str) -> None:
    problem = check_answers({"size": question}, {"size": value})
    assert problem is not None
    (field,) = problem.fields
    assert field.path == ["options", "size"]
    assert field.message.startswith("`options.size` must ")
    assert expected_text in field.message
    assert problem.message == field.message


def test_lists_the_first_ten_invalid_answers() -> None:
    names = [str(number) for number in range(20)]
    questions = {name: {"type": "boolean"} for name in names}
    problem = check_answers(questions, dict.fromkeys(names, 7))
    assert problem is not None
    assert [each.path for each in problem.fields] == [["options", name] for name in names[:10]]

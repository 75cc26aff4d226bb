"""What can be chosen of options, by the types of the questions (domain.md §5.9)."""

from typing import Any

import pytest

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
    ({"type": "integer", "min": 8}, 7, "8 or more"),
    ({"type": "integer", "max": 6}, 7, "6 or less"),
    ({"type": "money", "max": 6.5}, 7, "6.5 or less"),
    ({"type": "boolean"}, "yes", "true or false"),
    ({"type": "date"}, "2027-02-29", "2026-01-31"),
    ({"type": "date"}, 7, "2026-01-31"),
    ({"type": "time"}, "25:00", "22:30:00"),
    ({"type": "select_string", **CHOICES}, "warm", "hot, cold"),
    ({"type": "select_string"}, "warm", "Choose"),
    ({"type": "select_string_multi", **CHOICES}, "hot", "list"),
    ({"type": "select_string_multi", **CHOICES}, ["warm"], "hot, cold"),
    ({"type": "select_multiple_openstack_instances"}, [7], "list of texts"),
    ({"type": "conditional_cascade"}, [], "object"),
    ({"type": "string"}, 7, "text"),
    ({"type": "string"}, None, "can't be taken back"),
]


@pytest.mark.parametrize(("question", "value"), VALID_ANSWERS)
def test_accepts_valid_answers(question: dict[str, Any], value: Any) -> None:
    assert check_answers({"it": question}, {"it": value, "unasked": None}) is None


@pytest.mark.parametrize(("question", "value", "expected_text"), INVALID_ANSWERS)
def test_describes_valid_answers(question: dict[str, Any], value: Any, expected_text: str) -> None:
    problem = check_answers({"it": question}, {"it": value})
    assert problem is not None
    (field,) = problem.fields
    assert field.path == ["options", "it"]
    assert expected_text in field.message
    assert expected_text in problem.message


def test_names_the_first_ten_that_do_not_fit() -> None:
    names = [str(number) for number in range(20)]
    questions = {name: {"type": "boolean"} for name in names}
    problem = check_answers(questions, dict.fromkeys(names, 7))
    assert problem is not None
    assert [each.path for each in problem.fields] == [["options", name] for name in names[:10]]

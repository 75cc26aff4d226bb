"""What can be chosen of options, by the types of the questions (domain.md §5.9)."""

from typing import Any

import pytest

from gateway.marketplace.option_answers import check_answers

CHOICES = {"choices": ["hot", "cold"]}
GOOD: list[tuple[dict[str, Any], Any]] = [
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
BAD: list[tuple[dict[str, Any], Any, str]] = [
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


@pytest.mark.parametrize(("asked", "value"), GOOD)
def test_takes_what_fits(asked: dict[str, Any], value: Any) -> None:
    assert check_answers({"it": asked}, {"it": value, "unasked": None}) is None


@pytest.mark.parametrize(("asked", "value", "told"), BAD)
def test_says_what_would_fit(asked: dict[str, Any], value: Any, told: str) -> None:
    problem = check_answers({"it": asked}, {"it": value})
    assert problem is not None
    (field,) = problem.fields
    assert field.path == ["options", "it"]
    assert told in field.message
    assert told in problem.message


def test_names_the_first_ten_that_do_not_fit() -> None:
    names = [str(number) for number in range(20)]
    asked = {name: {"type": "boolean"} for name in names}
    problem = check_answers(asked, dict.fromkeys(names, 7))
    assert problem is not None
    assert [each.path for each in problem.fields] == [["options", name] for name in names[:10]]

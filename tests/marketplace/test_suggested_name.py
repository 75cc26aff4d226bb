"""Suggested names for new resources (domain.md §5.19)."""

import json
from typing import Any

import pytest

from gateway.db.installation.version_rules import RULES_2024, RULES_2026, VersionRules
from gateway.marketplace.suggested_name import NamingInputs, suggest_resource_name
from tests.support.time_limits import assert_within

FORM = {
    "KEY": "Value",
    "size": 12,
    "part": 0.5,
    "yes": True,
    "nothing": None,
    "many": ["Hot", "Warm"],
    "deep": {"a": {"b": 1}},
    "long": "x" * 5000,
    "huge": 10**6000,
}
DEFAULT_NAME, FIRST_NAME = "cs-ps-os-3", "cs-ps-os"


def suggest_from_pattern(
    pattern: Any, resource_count: int = 2, rules: VersionRules = RULES_2026, **overrides: Any
) -> str | None:
    """Return the name that a pattern produces."""
    naming_values = {
        "customer_name": "Crème & Co.",
        "customer_slug": "cs",
        "project_name": "Project  (One)",
        "project_slug": "ps",
        "offering_name": "Öffering",
        "offering_slug": "os",
        "plugin_options": json.dumps({} if pattern is None else {"resource_name_pattern": pattern}),
        "plan_name": "Plan A",
        "resource_count": resource_count,
        "attributes": FORM,
        "rules": rules,
    }
    return suggest_resource_name(NamingInputs(**{**naming_values, **overrides}))


@pytest.mark.parametrize(
    ("resource_count", "expected"), [(0, FIRST_NAME), (1, "cs-ps-os-2"), (41, "cs-ps-os-42")]
)
def test_without_a_pattern_the_first_has_no_number(resource_count: int, expected: str) -> None:
    for options in ("{}", "null", "[]", '{"resource_name_pattern": null}'):
        assert suggest_from_pattern(None, resource_count, plugin_options=options) == expected


@pytest.mark.parametrize(("resource_count", "expected"), [(0, "cs-ps-os-1"), (3, "cs-ps-os-4")])
def test_in_2024_every_name_has_a_number_and_patterns_are_ignored(
    resource_count: int, expected: str
) -> None:
    assert suggest_from_pattern(None, resource_count, RULES_2024) == expected
    assert suggest_from_pattern("{project_slug}", resource_count, RULES_2024) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("vm", "vm"),
        ("{customer_slug}-{project_slug}-{offering_slug}", "cs-ps-os"),
        ("{customer_name}", "cr-me-co."),
        ("{project_name}", "project-one"),
        ("{offering_name}", "ffering"),
        ("{plan_name}", "plan-a"),
        ("{counter}", "3"),
        ("{attributes[KEY]}", "value"),
        ("{attributes[size]}x{attributes[part]}", "12x0.5"),
        ("{attributes[yes]}", "true"),
        ("a{attributes[nothing]}b{attributes[missing]}c", "abc"),
        ("{attributes[many]}", "hot-warm"),
        ("{attributes[deep]}", "a-b-1"),
        ("a{nonsense}b", "ab"),
        ("x{attributes}y{plugin_options}z{rules}", "xyz"),
        ("{{{counter}}}", "3"),
        ("a--b__c  d..e", "a-b-c-d..e"),
        ("--{counter}--", "3"),
        ("{counter:03}", "003"),
        ("{counter:03d}", "003"),
        ("{counter:0>4}-{plan_name:.4}", "0003-plan"),
        ("{project_slug:_^6}", "ps"),
        ("{attributes[size]:x}", "c"),
        ("{attributes[part]:.2f}", "0.50"),
        ("{customer_slug!r:>8}{customer_slug!s}", "cs-cs"),
        ("a\nb\tc\x00d", "a-b-c-d"),
        ("ÅÄÖ-1", "1"),
        ("{attributes[long]}", "x" * 150),
        ("{project_slug:x<150}{counter}", "ps" + "x" * 148),
    ],
)
def test_a_pattern_determines_the_name(pattern: str, expected: str) -> None:
    assert suggest_from_pattern(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"), [("a{counter}b", "ab"), ("a-{counter:0>3}", "a-000")]
)
def test_the_first_has_an_empty_counter(pattern: str, expected: str) -> None:
    assert suggest_from_pattern(pattern, 0) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "{",
        "}",
        "{customer_name",
        "customer_name}",
        "{}",
        "{0}",
        "{:>5}",
        "{customer_name!x}",
        "{customer_name!}",
        "{customer_name:d}",
        "{customer_name:{counter}}",
        "{attributes[many]:>5d}",
        "{attributes[size]:%Y}",
        "{attributes[huge]}",
        "",
        "   ",
        "{attributes[missing]}",
        "-" * 10,
        "ÅÄÖ",
        "{counter}" * 112,
        "a" * 1001,
        None,
        5,
        ["{counter}"],
        {"a": "{counter}"},
    ],
)
def test_an_invalid_pattern_falls_back_to_the_default_name(pattern: Any) -> None:
    assert suggest_from_pattern(pattern) == DEFAULT_NAME


@pytest.mark.parametrize(
    "pattern",
    [
        "{customer_name.__class__}",
        "{customer_name.__class__.__mro__}",
        "{counter.real}",
        "{counter.__class__.__init__.__globals__}",
        "{attributes.keys}",
        "{attributes[KEY].__class__}",
        "{attributes[KEY][0]}",
        "{attributes[deep][a]}",
        "{attributes[]}",
        "{customer_name[0]}",
        "{rules.year}",
        "{rules[0]}",
        "{plan_name[__class__]}",
        "{__class__.__name__}",
        "{0.__class__}",
    ],
)
def test_attributes_of_values_are_not_accessible(pattern: str) -> None:
    assert suggest_from_pattern(pattern) == suggest_from_pattern(f"x{pattern}") == DEFAULT_NAME


@pytest.mark.parametrize(
    "pattern", ["{__class__}", "{_fields}", "{_asdict}", "{resource_count}", "{count}"]
)
def test_unlisted_names_are_empty(pattern: str) -> None:
    assert suggest_from_pattern(f"x{pattern}") == "x"


@pytest.mark.parametrize(
    "pattern",
    [
        "{counter:1000000000}",
        "{counter:01000000000d}",
        "{customer_name:>999999999999}",
        "{customer_name:151}",
        "{attributes[part]:.1000000000f}",
        "{counter:\uff11" + "\uff10" * 9 + "}",
        "{counter:" + "9" * 900 + "}",
    ],
)
def test_a_large_width_is_rejected_without_formatting(pattern: str) -> None:
    with assert_within(0.1, "the rejection"):
        assert suggest_from_pattern(pattern) == DEFAULT_NAME


def test_without_a_plan_and_attributes_their_fields_are_empty() -> None:
    assert (
        suggest_from_pattern("a{plan_name}{attributes[KEY]}b", plan_name=None, attributes=None)
        == "ab"
    )

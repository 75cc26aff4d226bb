"""Forms as a whole: required options, hidden ones, comparisons, patterns and sizes."""

from typing import Any

import pytest
from hypothesis import given, strategies

from gateway.exact_json import ExactNumber
from gateway.marketplace.option_form import (
    MAX_ANSWERS_SIZE,
    CheckedForm,
    check_answers_size,
    check_option_form,
    list_questions,
)

TIER = {"type": "select_string", "choices": ["hot", "cold"]}
VISIBILITY_FORM = {
    "options": {
        "backup": {"type": "boolean"},
        "tier": {**TIER, "visible_if": {"field": "backup", "values": [True]}},
        "days": {"type": "integer", "visible_if": {"field": "tier", "values": ["cold", "ice"]}},
        "flags": {"type": "select_string_multi", "choices": ["a", "b"]},
        "note": {"type": "string", "visible_if": {"field": "flags", "values": ["b"]}},
        "plain": {"type": "string", "visible_if": {"field": "backup", "values": [False]}},
    }
}
UNUSUAL_FORM = {
    "options": {
        "first": {"type": "boolean", "visible_if": {"field": "second", "values": [False]}},
        "second": {"type": "boolean", "visible_if": {"field": "first", "values": [False]}},
        "own": {"type": "boolean", "visible_if": {"field": "own", "values": [False]}},
        "lost": {"type": "boolean", "visible_if": {"field": "none", "values": [False]}},
        "text": {"type": "string"},
        "of_text": {"type": "string", "visible_if": {"field": "text", "values": ["x"]}},
        "no_values": {"type": "string", "visible_if": {"field": "text"}},
        "always": {"type": "string", "visible_if": {}},
        "odd_rule": {"type": "string", "visible_if": ["text"]},
        "odd_values": {"type": "string", "visible_if": {"field": "text", "values": 7}},
    }
}


def check_update(form: Any, answers: dict[str, Any], **current: Any) -> CheckedForm:
    """Check an update of the current answers."""
    return check_option_form(form, answers, current_answers=current)


def list_messages(checked_form: CheckedForm) -> dict[str, str]:
    """Return the messages about invalid fields by the last name of their path."""
    return {each.path[-1]: each.message for each in checked_form.invalid_fields}


@pytest.mark.parametrize(
    "form", [None, [], "x", {}, {"options": None}, {"options": [1]}, {"order": 7, "options": {}}]
)
def test_a_form_without_options_keeps_all_answers(form: Any) -> None:
    assert list_questions(form) == {}
    assert check_option_form(form, {"x": None}) == CheckedForm({"x": None}, [])


def test_options_are_in_the_order_of_the_form() -> None:
    options = {name: {"type": "integer"} for name in "abcd"} | {"odd": "x"}
    form = {"order": ["c", "a", "x", 7, "odd"], "options": options}
    assert list(list_questions(form)) == ["c", "a", "b", "d"]
    checked_form = check_option_form(form, dict.fromkeys("abcd", "x"))
    assert [each.path[-1] for each in checked_form.invalid_fields] == ["c", "a", "b", "d"]


def test_invalid_answers_have_paths_below_that_of_the_input() -> None:
    form = {"options": {"folder": {"type": "storage_folder_manager"}, "size": {"type": "integer"}}}
    answers = {"folder": {"permissions": "2770"}, "size": "big"}
    checked_form = check_option_form(form, answers, path=("attributes",))
    assert [each.path for each in checked_form.invalid_fields] == [
        ["attributes", "folder", "storage_data_type"],
        ["attributes", "size"],
    ]
    assert checked_form.invalid_fields[1].message == (
        "`attributes.size` must be a whole number, got a string."
    )


def test_only_new_resources_need_required_answers() -> None:
    form = {
        "options": {
            "a": {"type": "string", "required": True},
            "b": {"type": "string", "required": True, "default": "x"},
            "c": {
                "type": "string",
                "required": True,
                "visible_if": {"field": "d", "values": [True]},
            },
            "d": {"type": "boolean"},
            "e": {"type": "string"},
        }
    }
    assert list_messages(check_option_form(form, {})) == {"a": "`options.a` is required."}
    shown = check_option_form(form, {"d": True})
    assert list_messages(shown).keys() == {"a", "c"}
    assert list_messages(check_option_form(form, {"a": "x", "name": "y"})) == {}
    assert check_option_form(form, {"a": "x", "name": "y"}).answers == {"a": "x", "name": "y"}
    assert list_messages(check_update(form, {})) == {}


def test_answers_are_stored_as_they_were_sent() -> None:
    form = {"options": {"size": {"type": "integer"}, "backup": {"type": "boolean"}}}
    answers = {"size": "5", "backup": "yes"}
    assert check_update(form, answers, size=4, other=1).answers == {
        "size": "5",
        "backup": "yes",
        "other": 1,
    }


@pytest.mark.parametrize(
    ("answers", "visible_names"),
    [
        ({"backup": True, "tier": "cold", "days": 5}, "backup tier days"),
        ({"backup": "yes", "tier": "cold", "days": 5}, "backup tier days"),
        ({"backup": True, "tier": "hot", "days": 5}, "backup tier"),
        ({"backup": False, "tier": "cold", "days": 5, "plain": "x"}, "backup plain"),
        ({"tier": "cold", "days": 5, "plain": "x"}, "plain"),
        ({"backup": "maybe", "plain": "x"}, "backup"),
        ({"flags": ["a", "b"], "note": "x"}, "flags note"),
        ({"flags": ["a"], "note": "x"}, "flags"),
        ({"flags": "b", "note": "x"}, "flags note"),
        ({"flags": None, "note": "x"}, "flags"),
        ({"tier": ["cold"], "days": "x", "note": []}, ""),
    ],
)
def test_answers_to_hidden_options_are_dropped(answers: dict[str, Any], visible_names: str) -> None:
    assert check_update(VISIBILITY_FORM, answers).answers.keys() == {*visible_names.split()}


def test_answers_to_hidden_options_are_not_checked() -> None:
    answers = {"backup": False, "tier": "warm", "days": None}
    assert check_update(VISIBILITY_FORM, answers).invalid_fields == []


def test_what_is_hidden_follows_from_all_answers() -> None:
    current = {"backup": True, "tier": "cold", "days": 5, "unknown": 1}
    hiding = check_update(VISIBILITY_FORM, {"backup": False}, **current)
    assert hiding.answers == {"backup": False, "unknown": 1}
    changing = check_update(VISIBILITY_FORM, {"days": "x"}, **current)
    assert list_messages(changing).keys() == {"days"}


def test_unusual_rules_hide_what_can_not_be_shown() -> None:
    answers = dict.fromkeys(UNUSUAL_FORM["options"], "x")
    shown_names = {"text", "always", "odd_rule"}
    assert check_update(UNUSUAL_FORM, answers).answers.keys() == shown_names


def test_long_chains_of_rules_are_followed() -> None:
    options: dict[str, Any] = {"0": {"type": "boolean"}}
    for number in range(1, 3000):
        rule = {"field": str(number - 1), "values": [True]}
        options[str(number)] = {"type": "boolean", "visible_if": rule}
    answers = dict.fromkeys(options, True)
    assert len(check_update({"options": options}, answers).answers) == 3000
    assert len(check_update({"options": options}, {**answers, "7": False}).answers) == 8


@pytest.mark.parametrize(
    ("type_", "comparison", "answers", "expected_text"),
    [
        ("integer", "gt", {"a": 2, "b": 2}, "must be greater than `b`."),
        ("integer", "gt", {"a": "10", "b": 9}, None),
        ("integer", "gte", {"a": 1, "b": 2}, "must be greater than or equal to `b`."),
        ("integer", "gte", {"a": 2, "b": 2}, None),
        ("date", "lt", {"a": "2026-02-01", "b": "2026-01-31"}, "must be less than `b`."),
        ("date", "lt", {"a": "2026-01-30", "b": "2026-01-31"}, None),
        ("time", "lte", {"a": "09:00+02:00", "b": "08:00"}, "must be less than or equal to `b`."),
        ("integer", "gt", {"a": 2}, None),
        ("integer", "gt", {"b": 2}, None),
        ("integer", "between", {"a": 1, "b": 2}, None),
        ("integer", ["gt"], {"a": 1, "b": 2}, None),
        ("conditional_cascade", "gt", {"a": {}, "b": {}}, None),
    ],
)
def test_answers_are_compared(
    type_: str, comparison: Any, answers: dict[str, Any], expected_text: str | None
) -> None:
    validator = {"type": comparison, "target_field": "b"}
    form = {"options": {"a": {"type": type_, "validators": [validator]}, "b": {"type": type_}}}
    expected = {"a": f"`options.a` {expected_text}"} if expected_text else {}
    assert list_messages(check_update(form, answers, a=1, b=9)) == expected


@pytest.mark.parametrize("validators", [None, 7, "gt", [7], [{}], [{"type": "gt"}]])
def test_odd_validators_are_ignored(validators: Any) -> None:
    form = {"options": {"a": {"type": "integer", "validators": validators}}}
    assert list_messages(check_update(form, {"a": 1})) == {}


def test_answers_of_other_types_are_not_compared() -> None:
    validator = {"type": "gt", "target_field": "b"}
    form = {"options": {"a": {"type": "integer", "validators": [validator]}, "b": {}}}
    assert list_messages(check_update(form, {"a": 1, "b": "2"})) == {}


@pytest.mark.parametrize(
    ("question", "value", "expected_text"),
    [
        ({"type": "string"}, "ab-1", None),
        ({"type": "text"}, "Ab", "must match the pattern [a-z][a-z0-9-]+."),
        ({"type": "string"}, "ab-1\n!", "must match the pattern [a-z][a-z0-9-]+."),
        ({"type": "string", "pattern_error": "Small."}, "Ab", "is invalid: Small."),
        ({"type": "string", "pattern_error": 7}, "Ab", "must match the pattern"),
        ({"type": "html_text"}, "Ab", None),
        ({"type": "integer"}, 7, None),
        ({"type": "string", "pattern": "("}, "Ab", None),
        ({"type": "string", "pattern": 7}, "Ab", None),
        ({"type": "string", "pattern": "(a+)+b"}, "a" * 100_000, "is too long"),
    ],
)
def test_texts_must_match_the_pattern(
    question: dict[str, Any], value: Any, expected_text: str | None
) -> None:
    form = {"options": {"a": {"pattern": "[a-z][a-z0-9-]+", **question}}}
    messages = list_messages(check_update(form, {"a": value}))
    assert bool(messages) == bool(expected_text)
    assert (expected_text or "") in messages.get("a", "")


def test_patterns_of_a_form_share_the_steps() -> None:
    question = {"type": "string", "pattern": "(a|aa)+"}
    form = {"options": {str(number): question for number in range(100)}}
    messages = list_messages(check_update(form, dict.fromkeys(form["options"], "a" * 500)))
    assert 80 < len(messages) < 100


QUESTION_KEYS = [
    "min",
    "max",
    "choices",
    "default",
    "required",
    "validators",
    "visible_if",
    "pattern",
    "pattern_error",
    "unique",
    "target_field",
    "field",
    "values",
]
TYPES = strategies.sampled_from(
    [
        "integer",
        "boolean",
        "date",
        "time",
        "select_string",
        "select_string_multi",
        "select_multiple_emails",
        "conditional_cascade",
        "storage_folder_manager",
        "string",
        "gt",
        "lt",
    ]
)
SCALARS = strategies.one_of(
    strategies.none(),
    strategies.booleans(),
    strategies.integers(),
    strategies.floats(allow_nan=False, allow_infinity=False),
    strategies.sampled_from("abc"),
    strategies.text(max_size=5),
    strategies.sampled_from(["1e400", "7.0", "0.5", "9" * 400]).map(ExactNumber),
)
VALUES = strategies.recursive(
    SCALARS,
    lambda inner: strategies.one_of(
        strategies.lists(inner, max_size=3),
        strategies.dictionaries(strategies.sampled_from([*"abc", *QUESTION_KEYS]), inner),
        strategies.dictionaries(
            strategies.sampled_from(["type", *QUESTION_KEYS]), strategies.one_of(TYPES, inner)
        ),
    ),
    max_leaves=10,
)
FORMS = strategies.fixed_dictionaries(
    {
        "order": VALUES,
        "options": strategies.dictionaries(strategies.sampled_from("abc"), VALUES, max_size=3),
    }
)


@given(FORMS, strategies.dictionaries(strategies.sampled_from("abcd"), VALUES), VALUES)
def test_any_form_and_answers_can_be_checked(
    form: Any, answers: dict[str, Any], current_value: Any
) -> None:
    for current_answers in (None, {"a": current_value}):
        checked_form = check_option_form(form, answers, current_answers=current_answers)
        assert checked_form.answers.keys() <= {"a", *answers}
        assert all(each.message.startswith("`options.") for each in checked_form.invalid_fields)


def test_the_size_of_all_answers_is_bounded() -> None:
    assert [*check_answers_size({"a": "x" * (MAX_ANSWERS_SIZE - 8)})] == []
    (field,) = check_answers_size({"a": "x" * (MAX_ANSWERS_SIZE - 7)}, ("attributes",))
    assert field.path == ["attributes"]
    assert "must have at most 102400 bytes as JSON" in field.message
    assert "got 102401." in field.message

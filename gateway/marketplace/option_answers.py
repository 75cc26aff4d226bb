"""Validation of a resource's options against the offering's questions (domain.md §5.9)."""

from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from gateway.marketplace.problems import (
    InvalidInput,
    build_invalid_field,
    combine_invalid_fields,
    describe_value,
)

Question = Mapping[str, Any]
"""Definition of an option in the offering: its type, bounds and choices."""
AnswerCheck = Callable[[Any, Question], str | None]
"""Check of an answer: returns what it must be, or None if it is valid."""


def check_answers(questions: Mapping[str, Any], answers: Mapping[str, Any]) -> InvalidInput | None:
    """Return the problem of invalid answers; None if all are valid.

    Answers without a question are not checked.
    """
    fields = []
    for name, value in answers.items():
        question = questions.get(name)
        message = _check_answer(question, value) if isinstance(question, dict) else None
        if message:
            fields.append(build_invalid_field("options", name, message=message))
    return combine_invalid_fields(*fields) if fields else None


def _check_answer(question: Question, value: Any) -> str | None:
    if value is None:
        return "must not be null: a chosen option can't be removed."
    return _CHECKS_BY_TYPE.get(str(question.get("type")), _check_text)(value, question)


def _check_integer(value: Any, question: Question) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return f"must be a whole number, got {describe_value(value)}."
    minimum, maximum = _parse_bound(question.get("min")), _parse_bound(question.get("max"))
    if minimum is not None and value < minimum:
        return f"must be at least {minimum}, got {describe_value(value)}."
    if maximum is not None and value > maximum:
        return f"must be at most {maximum}, got {describe_value(value)}."
    return None


def _parse_bound(value: Any) -> Decimal | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Decimal(str(value)) if is_number else None


def _check_boolean(value: Any, _question: Question) -> str | None:
    if isinstance(value, bool):
        return None
    return f"must be true or false, got {describe_value(value)}."


def _build_parse_check(parse: Callable[[str], Any], example: str) -> AnswerCheck:
    """Return a check that a parser accepts the answer."""

    def check_format(value: Any, _question: Question) -> str | None:
        try:
            parse(value)
        except (ValueError, TypeError):
            return f"must be written like {example}."
        return None

    return check_format


def _check_choice(value: Any, question: Question) -> str | None:
    choices = _get_choices(question)
    return None if value in choices else f"must be one of {', '.join(map(str, choices))}."


def _check_choices(value: Any, question: Question) -> str | None:
    choices = _get_choices(question)
    if isinstance(value, list) and all(each in choices for each in value):
        return None
    return f"must be a list of values from {', '.join(map(str, choices))}."


def _get_choices(question: Question) -> list[Any]:
    choices = question.get("choices")
    return choices if isinstance(choices, list) else []


def _check_text_list(value: Any, _question: Question) -> str | None:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return None
    return "must be a list of strings."


def _check_object(value: Any, _question: Question) -> str | None:
    if isinstance(value, dict):
        return None
    return f"must be an object with a choice for each step, got {describe_value(value)}."


def _check_text(value: Any, _question: Question) -> str | None:
    return None if isinstance(value, str) else f"must be a string, got {describe_value(value)}."


_CHECKS_BY_TYPE: Mapping[str, AnswerCheck] = {
    "integer": _check_integer,
    "money": _check_integer,
    "component_multiplier": _check_integer,
    "boolean": _check_boolean,
    "date": _build_parse_check(date.fromisoformat, "2026-01-31"),
    "time": _build_parse_check(time.fromisoformat, "22:30:00"),
    "select_string": _check_choice,
    "select_string_multi": _check_choices,
    "select_multiple_openstack_tenants": _check_text_list,
    "select_multiple_openstack_instances": _check_text_list,
    "multi_select_emails": _check_text_list,
    "conditional_cascade": _check_object,
}
"""Checks by the question's type; answers to all other types are strings."""

"""What can be chosen of a resource's options, by the types of the questions (domain.md §5.9)."""

from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from gateway.marketplace.problems import InvalidField, InvalidInput, combine_invalid_fields

Question = Mapping[str, Any]
AnswerCheck = Callable[[Any, Question], str | None]


def check_answers(questions: Mapping[str, Any], answers: Mapping[str, Any]) -> InvalidInput | None:
    """Give the problem of answers to some questions; what is not asked can be anything."""
    fields = []
    for name, value in answers.items():
        question = questions.get(name)
        message = _check_answer(question, value) if isinstance(question, dict) else None
        if message:
            fields.append(InvalidField(path=["options", name], message=message))
    return combine_invalid_fields(*fields) if fields else None


def _check_answer(question: Question, value: Any) -> str | None:
    if value is None:
        return "Give a value: what was chosen can't be taken back."
    return _CHECKS_BY_TYPE.get(str(question.get("type")), _check_text)(value, question)


def _check_integer(value: Any, question: Question) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return "Give a whole number."
    minimum, maximum = _parse_bound(question.get("min")), _parse_bound(question.get("max"))
    if minimum is not None and value < minimum:
        return f"Give {minimum} or more."
    if maximum is not None and value > maximum:
        return f"Give {maximum} or less."
    return None


def _parse_bound(value: Any) -> Decimal | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Decimal(str(value)) if is_number else None


def _check_boolean(value: Any, _question: Question) -> str | None:
    return None if isinstance(value, bool) else "Give true or false."


def _build_parse_check(parse: Callable[[str], Any], example: str) -> AnswerCheck:
    """Take what can be read."""

    def check_format(value: Any, _question: Question) -> str | None:
        try:
            parse(value)
        except (ValueError, TypeError):
            return f"Write it like {example}."
        return None

    return check_format


def _check_choice(value: Any, question: Question) -> str | None:
    choices = _get_choices(question)
    return None if value in choices else f"Choose one of {', '.join(map(str, choices))}."


def _check_choices(value: Any, question: Question) -> str | None:
    choices = _get_choices(question)
    if isinstance(value, list) and all(each in choices for each in value):
        return None
    return f"Give a list of some of {', '.join(map(str, choices))}."


def _get_choices(question: Question) -> list[Any]:
    choices = question.get("choices")
    return choices if isinstance(choices, list) else []


def _check_text_list(value: Any, _question: Question) -> str | None:
    is_text_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return None if is_text_list else "Give a list of texts."


def _check_object(value: Any, _question: Question) -> str | None:
    return None if isinstance(value, dict) else "Give an object: for each step a choice."


def _check_text(value: Any, _question: Question) -> str | None:
    return None if isinstance(value, str) else "Give a text."


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
"""The types that are no texts."""

"""Answers to an offering's options, by the type of the option (domain.md §5.9, rules.md §0).

Waldur accepts several spellings of a value, as the serializers of its REST framework do: `"5"`
is a whole number, `"yes"` is true, 7 is a text. It stores the answer as it was sent.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from math import isfinite
from typing import Any

from gateway.marketplace.problems import describe_value

Question = Mapping[str, Any]
"""Definition of an option in the offering: its type, bounds and choices."""
AnswerParser = Callable[[Any, Question], Any]
"""Function that returns the value that an answer spells; raises InvalidAnswerError."""
_MAX_NUMBER_CHARS = 1000
"""Characters of a text that is read as a number, as in Waldur."""
_MAX_LISTED_CHOICES = 20
_TRUE_SPELLINGS = frozenset({"1", "t", "true", "y", "yes", "on"})
_FALSE_SPELLINGS = frozenset({"0", "f", "false", "n", "no", "off"})
_EMAIL_PATTERN = re.compile(r"[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+")
_MAX_EMAIL_CHARS = 320


class InvalidAnswerError(Exception):
    """An answer is invalid; the requirement is what it must be."""

    def __init__(self, requirement: str, *path: str) -> None:
        """Store the requirement, and the path inside of the answer."""
        super().__init__(requirement)
        self.requirement, self.path = requirement, path


def parse_answer(value: Any, question: Question) -> Any:
    """Return the value that an answer spells; raises InvalidAnswerError if it is invalid."""
    if value is None:
        raise InvalidAnswerError("must not be null: a chosen option can't be removed.")
    parser: AnswerParser = _PARSERS_BY_TYPE.get(str(question.get("type")), _parse_text)
    return parser(value, question)


def parse_boolean(value: object) -> bool | None:
    """Return the boolean that a value spells; None if it spells none."""
    if isinstance(value, bool):
        return value
    spelling = (format_scalar(value) or "").lower()
    return spelling in _TRUE_SPELLINGS if spelling in _TRUE_SPELLINGS | _FALSE_SPELLINGS else None


def format_scalar(value: object) -> str | None:
    """Return the text of a text or number; None for other values."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return str(value)


def _parse_text(value: Any, _question: Question) -> str:
    text = format_scalar(value)
    if text is None:
        raise InvalidAnswerError(f"must be a string, got {describe_value(value)}.")
    if not text.strip():
        raise InvalidAnswerError("must not be blank.")
    return text.strip()


def _parse_integer(value: Any, question: Question) -> Decimal:
    number = _read_integer(value)
    if number is None:
        raise InvalidAnswerError(f"must be a whole number, got {describe_value(value)}.")
    minimum, maximum = _parse_bound(question.get("min")), _parse_bound(question.get("max"))
    _check_minimum(number, minimum, value)
    if maximum is not None and number > maximum:
        cited_value = _describe_number(number, value)
        raise InvalidAnswerError(f"must be at most {maximum}, got {cited_value}.")
    return number


def _read_integer(value: Any) -> Decimal | None:
    """Return the whole number that a number or text spells, such as `5.0`; None without one."""
    text = format_scalar(value)
    if text is None or len(text) > _MAX_NUMBER_CHARS:
        return None
    if isinstance(value, float):
        is_whole = isfinite(value) and Decimal(text) == Decimal(text).to_integral_value()
        return Decimal(text) if is_whole else None
    whole, point, fraction = text.strip().partition(".")
    try:
        return None if point and fraction.strip("0") else Decimal(int(whole))
    except ValueError:
        return None


def _parse_bound(value: Any) -> Decimal | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Decimal(str(value)) if is_number else None


def _check_minimum(number: Decimal, minimum: Decimal | None, value: Any) -> None:
    if minimum is not None and number < minimum:
        cited_value = _describe_number(number, value)
        raise InvalidAnswerError(f"must be at least {minimum}, got {cited_value}.")


def _describe_number(number: Decimal, value: Any) -> str:
    """Return how a message cites a number, which may be spelled as a text."""
    if isinstance(value, str):
        value = int(number) if number == number.to_integral_value() else float(number)
    return describe_value(value)


def _parse_boolean_answer(value: Any, _question: Question) -> bool:
    boolean = parse_boolean(value)
    if boolean is None:
        raise InvalidAnswerError(f"must be true or false, got {describe_value(value)}.")
    return boolean


def _build_format_parser(parse: Callable[[str], Any], example: str) -> AnswerParser:
    """Return a parser of texts in a format."""

    def parse_text(value: Any, _question: Question) -> Any:
        try:
            return parse(value)
        except (ValueError, TypeError):
            raise InvalidAnswerError(f"must be written like {example}.") from None

    return parse_text


def _parse_time(text: str) -> time:
    """Return a time; a time zone is ignored, as in Waldur."""
    return time.fromisoformat(text).replace(tzinfo=None)


def _parse_choice(value: Any, question: Question) -> str:
    choices = _list_choices(question)
    choice = format_scalar(value)
    if choice not in choices:
        raise InvalidAnswerError(f"must be one of {_describe_choices(choices)}.")
    return choice


def _parse_choices(value: Any, question: Question) -> list[str]:
    choices = _list_choices(question)
    items = [format_scalar(each) for each in value] if isinstance(value, list) else [None]
    if any(each not in choices for each in items):
        raise InvalidAnswerError(f"must be a list of values from {_describe_choices(choices)}.")
    return [each for each in items if each is not None]


def _list_choices(question: Question) -> list[str]:
    choices = question.get("choices")
    return [str(each) for each in choices] if isinstance(choices, list) else []


def _describe_choices(choices: list[str]) -> str:
    listed_choices = ", ".join(choices[:_MAX_LISTED_CHOICES])
    return listed_choices + (", …" if len(choices) > _MAX_LISTED_CHOICES else "")


def _parse_texts(value: Any, question: Question) -> list[str]:
    if not isinstance(value, list):
        raise InvalidAnswerError(f"must be a list of strings, got {describe_value(value)}.")
    try:
        return [_parse_text(each, question) for each in value]
    except InvalidAnswerError as error:
        message = f"must be a list of strings; each {error.requirement}"
        raise InvalidAnswerError(message) from None


def _parse_emails(value: Any, question: Question) -> list[str]:
    addresses = _parse_texts(value, question)
    for each in addresses:
        if len(each) > _MAX_EMAIL_CHARS or not _EMAIL_PATTERN.fullmatch(each):
            raise InvalidAnswerError("must be a list of e-mail addresses, such as me@example.org.")
    return addresses


def _build_object_parser(description: str) -> AnswerParser:
    """Return a parser that takes any object."""

    def parse_object(value: Any, _question: Question) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise InvalidAnswerError(f"must be {description}, got {describe_value(value)}.")
        return value

    return parse_object


def _parse_space(value: Any, _question: Question) -> Decimal:
    try:
        number = float(format_scalar(value) or "")
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise InvalidAnswerError(f"must be a number, got {describe_value(value)}.")
    _check_minimum(Decimal(str(number)), Decimal("0.01"), value)
    return Decimal(str(number))


def _parse_inode_count(value: Any, _question: Question) -> Decimal:
    return _parse_integer(value, {"min": 1})


_FOLDER_MEMBERS: Mapping[str, tuple[AnswerParser, bool]] = {
    "storage_data_type": (_parse_text, True),
    "permissions": (_parse_text, True),
    "hard_quota_space": (_parse_space, False),
    "soft_quota_inodes": (_parse_inode_count, False),
    "hard_quota_inodes": (_parse_inode_count, False),
}
"""Parsers of the members of a storage folder, and whether they are required."""
_parse_folder_object = _build_object_parser("an object with the settings of the folder")


def _parse_folder(value: Any, question: Question) -> Mapping[str, Any]:
    """Return the settings of a storage folder; members that are not known are kept."""
    folder: Mapping[str, Any] = _parse_folder_object(value, question)
    for name, (parse_member, is_required) in _FOLDER_MEMBERS.items():
        if name in folder:
            _parse_member(name, folder[name], parse_member)
        elif is_required:
            raise InvalidAnswerError("is required.", name)
    return folder


def _parse_member(name: str, value: Any, parse_member: AnswerParser) -> None:
    try:
        parse_member(value, {})
    except InvalidAnswerError as error:
        raise InvalidAnswerError(error.requirement, name) from None


_parse_cluster = _build_object_parser("an object with the configuration of the cluster")
_PARSERS_BY_TYPE: Mapping[str, AnswerParser] = {
    "integer": _parse_integer,
    "money": _parse_integer,
    "component_multiplier": _parse_integer,
    "boolean": _parse_boolean_answer,
    "date": _build_format_parser(date.fromisoformat, "2026-01-31"),
    "time": _build_format_parser(_parse_time, "22:30:00"),
    "select_string": _parse_choice,
    "select_string_multi": _parse_choices,
    "select_multiple_openstack_tenants": _parse_texts,
    "select_multiple_openstack_instances": _parse_texts,
    "select_multiple_emails": _parse_emails,
    "conditional_cascade": _build_object_parser("an object with a choice for each step"),
    "storage_folder_manager": _parse_folder,
    "single_datacenter_k8s_config": _parse_cluster,
    "multi_datacenter_k8s_config": _parse_cluster,
}
"""Parsers by the option's type; answers to all other types are texts."""

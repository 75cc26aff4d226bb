"""What can be chosen of a resource's options, by the types of the questions (domain.md §5.9)."""

from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from gateway.marketplace.problems import InvalidField, InvalidInput, invalid_fields

Asked = Mapping[str, Any]
Says = Callable[[Any, Asked], str | None]


def check_answers(questions: Mapping[str, Any], given: Mapping[str, Any]) -> InvalidInput | None:
    """Give the problem of answers to some questions; what is not asked can be anything."""
    fields = []
    for name, value in given.items():
        asked = questions.get(name)
        message = _trouble(asked, value) if isinstance(asked, dict) else None
        if message:
            fields.append(InvalidField(path=["options", name], message=message))
    return invalid_fields(*fields) if fields else None


def _trouble(asked: Asked, value: Any) -> str | None:
    if value is None:
        return "Give a value: what was chosen can't be taken back."
    return _TYPES.get(str(asked.get("type")), _text)(value, asked)


def _whole(value: Any, asked: Asked) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return "Give a whole number."
    least, most = _bound(asked.get("min")), _bound(asked.get("max"))
    if least is not None and value < least:
        return f"Give {least} or more."
    if most is not None and value > most:
        return f"Give {most} or less."
    return None


def _bound(value: Any) -> Decimal | None:
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Decimal(str(value)) if known else None


def _truth(value: Any, _asked: Asked) -> str | None:
    return None if isinstance(value, bool) else "Give true or false."


def _written(read: Callable[[str], Any], example: str) -> Says:
    """Take what can be read."""

    def says(value: Any, _asked: Asked) -> str | None:
        try:
            read(value)
        except (ValueError, TypeError):
            return f"Write it like {example}."
        return None

    return says


def _choice(value: Any, asked: Asked) -> str | None:
    known = _choices(asked)
    return None if value in known else f"Choose one of {', '.join(map(str, known))}."


def _choices_of(value: Any, asked: Asked) -> str | None:
    known = _choices(asked)
    if isinstance(value, list) and all(each in known for each in value):
        return None
    return f"Give a list of some of {', '.join(map(str, known))}."


def _choices(asked: Asked) -> list[Any]:
    choices = asked.get("choices")
    return choices if isinstance(choices, list) else []


def _listed(value: Any, _asked: Asked) -> str | None:
    texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return None if texts else "Give a list of texts."


def _object(value: Any, _asked: Asked) -> str | None:
    return None if isinstance(value, dict) else "Give an object: for each step a choice."


def _text(value: Any, _asked: Asked) -> str | None:
    return None if isinstance(value, str) else "Give a text."


_TYPES: Mapping[str, Says] = {
    "integer": _whole,
    "money": _whole,
    "component_multiplier": _whole,
    "boolean": _truth,
    "date": _written(date.fromisoformat, "2026-01-31"),
    "time": _written(time.fromisoformat, "22:30:00"),
    "select_string": _choice,
    "select_string_multi": _choices_of,
    "select_multiple_openstack_tenants": _listed,
    "select_multiple_openstack_instances": _listed,
    "multi_select_emails": _listed,
    "conditional_cascade": _object,
}
"""The types that are no texts."""

"""Texts of refusals: Waldur's answers with a status 400 or 403, in the terms of our inputs.

| body | message | fields |
|---|---|---|
| `{"end_date": ["Too early."]}` | "`endDate`: Too early." | `["endDate"]` |
| `{"options": {"nodes": ["Too many."]}}` | "`options.nodes`: Too many." | `["options", "nodes"]` |
| `{"report": [{}, {"body": ["Empty."]}]}` | "`report.1.body`: Empty." | `["report", "1", "body"]` |
| `{"plan": ["Archived."]}`, but no plan was sent | "plan: Archived." | |
| `["Over the limit."]`, `"Over the limit."` | "Over the limit." | |
| `{"detail": …}`, `{"error_message": …}`, `{"non_field_errors": […]}` | the text | |
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.marketplace.problems import MAX_INVALID_FIELDS, InvalidField, InvalidInput
from gateway.rest_api.rest_request import FieldPath, RestRequest

MAX_TEXT_CHARS = 500
"""Characters of a text that are passed on."""
_WHOLE_OBJECT_KEYS = ("detail", "error_message", "non_field_errors", "message", "__all__")
"""Keys of texts that concern no single value."""
_MAX_DEPTH = 8
_TAG_PATTERN = re.compile(r"</?[A-Za-z!][^<>]*>")
_BLANK_PATTERN = re.compile(r"[\s\x00-\x1f\x7f]+")


def clean_text(text: object) -> str:
    """Return a text of Waldur on one line, without HTML and not too long."""
    plain_text = _TAG_PATTERN.sub("", str(text)[: MAX_TEXT_CHARS * 4])
    line = _BLANK_PATTERN.sub(" ", plain_text).strip()
    return line if len(line) <= MAX_TEXT_CHARS else f"{line[:MAX_TEXT_CHARS]}…"


def read_refusal_text(body: Any) -> str:
    """Return all texts of a body as one; empty without a text."""
    return clean_text(" ".join(_label_text(path, text) for path, text in _walk_texts(body)))


def build_refused_input(request: RestRequest, body: Any, default_message: str) -> InvalidInput:
    """Return the problem of a request with invalid values."""
    invalid_fields: list[InvalidField] = []
    texts: list[str] = []
    for body_path, text in _walk_texts(body):
        path = request.find_input_path(body_path)
        if path is None:
            texts.append(_label_text(body_path, text))
        elif len(invalid_fields) < MAX_INVALID_FIELDS:
            message = f"`{'.'.join(path)}`: {clean_text(text)}"
            invalid_fields.append(InvalidField(path=[*path], message=message))
    texts += [each.message for each in invalid_fields[:1] if not texts]
    return InvalidInput(
        message=clean_text(" ".join(texts)) or default_message, fields=invalid_fields
    )


def _walk_texts(value: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, str]]:
    """Yield each text of a body with its path."""
    if isinstance(value, (Mapping, list)):
        if len(path) <= _MAX_DEPTH:
            for name, member in _list_members(value, has_path=path != ()):
                yield from _walk_texts(member, path if name is None else (*path, name))
    elif value not in (None, ""):
        yield path, str(value)


def _list_members(
    value: Mapping[Any, Any] | list[Any], *, has_path: bool
) -> Iterator[tuple[str | None, Any]]:
    """Yield the members of an object or a list; with a name if it belongs to their path."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield (None if name in _WHOLE_OBJECT_KEYS else str(name)), member
    else:
        for index, member in enumerate(value):
            is_item = has_path and isinstance(member, Mapping)
            yield (str(index) if is_item else None), member


def _label_text(path: FieldPath, text: str) -> str:
    return f"{'.'.join(path)}: {text}" if path else text

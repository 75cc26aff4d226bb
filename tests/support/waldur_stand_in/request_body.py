"""Bodies of requests, read as Django REST framework does, and checked by the description."""

import re
from collections.abc import Iterator, Mapping
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec

from gateway.exact_json import decode_json
from tests.support.rest_server import RecordedRequest
from tests.support.waldur_stand_in.api_description import (
    FORM_MEDIA_TYPE,
    ApiRoute,
)

_RANGE_KINDS = frozenset(
    {"minimum", "maximum", "minLength", "maxLength", "pattern", "format", "minItems"}
)
"""Rules about values, which a client may leave to Waldur; all others are about the form."""
_INTEGER_PATTERN = re.compile(r"-?\d+")
_MESSAGES = {
    "required": "This field is required.",
    "format": "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
}


class CheckedBody(NamedTuple):
    """A decoded body, with what is wrong about it."""

    values: dict[str, Any]
    form_faults: tuple[str, ...] = ()
    """What no client may send: unknown or missing fields, other types."""
    field_errors: Mapping[str, list[str]] | None = None
    """Waldur's answer to invalid values."""


def read_body(route: ApiRoute, request: RecordedRequest) -> CheckedBody:
    """Decode and check the body of a request."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not request.content:
        return CheckedBody({}, ("The body is missing.",) if route.is_body_required else ())
    if not route.body_schemas:
        return CheckedBody({}, (f"{route.action} takes no body.",))
    schema = route.body_schemas.get(media_type)
    if schema is None:
        return CheckedBody({}, (f"{route.action} does not take {media_type}.",))
    if media_type == FORM_MEDIA_TYPE:
        values = _parse_form(request, schema)
        texts = {name: "" if isinstance(each, bytes) else each for name, each in values.items()}
        return _check_values(values, texts, schema)
    return _check_values(decode_json(request.content), msgspec.json.decode(request.content), schema)


def _check_values(values: Any, plain_values: Any, schema: Mapping[str, Any]) -> CheckedBody:
    """Check the values of a body by their spelling in plain JSON."""
    if not isinstance(values, dict):
        return CheckedBody({}, ("The body is not an object.",))
    validator = jsonschema_rs.Draft7Validator(
        dict(schema), validate_formats=True, formats={"uuid": _is_uuid, "binary": _is_text}
    )
    faults, field_errors = [], {}
    for error in validator.iter_errors(plain_values):
        path = ".".join(str(each) for each in error.instance_path)
        is_link = error.kind.name == "format" and '"uri"' in error.message
        if error.kind.name in _RANGE_KINDS and not is_link:
            message = _MESSAGES.get(error.kind.name, error.message)
            field_errors[path.partition(".")[0]] = [message]
        else:
            faults.append(f"{path}: {error.message}")
    if values.get("limits") == {}:
        faults.append("Empty limits.")
    return CheckedBody(values, tuple(faults), field_errors or None)


def _is_text(_text: str) -> bool:
    return True


def _is_uuid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None


def _parse_form(request: RecordedRequest, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a form as Django REST framework reads them (rules.md §2).

    An object has its values from parts such as `limits.cpu`. A part that has the name of the
    object is ignored, so that the object is empty.
    """
    parts = dict(_iter_parts(request))
    values: dict[str, Any] = {}
    for name, field_schema in schema["properties"].items():
        prefix = f"{name}."
        if field_schema.get("type") == "object":
            members = {
                key.removeprefix(prefix): _convert_text(parts.pop(key))
                for key in [*parts]
                if key.startswith(prefix)
            }
            if members or parts.pop(name, None) is not None:
                values[name] = members
        elif name in parts:
            is_number = field_schema.get("type") == "integer"
            values[name] = _convert_text(parts.pop(name)) if is_number else parts.pop(name)
    return values | parts


def _convert_text(text: Any) -> Any:
    """Return the number of a text; any other text unchanged."""
    is_number = isinstance(text, str) and _INTEGER_PATTERN.fullmatch(text)
    return int(text) if is_number else text


def _iter_parts(request: RecordedRequest) -> Iterator[tuple[str, str | bytes]]:
    """Yield the names and contents of a form's parts: texts, and files as bytes."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message: Message = BytesParser(policy=HTTP).parsebytes(head + request.content)
    assert message.is_multipart(), request.content[:100]
    for part in message.get_payload():
        assert isinstance(part, Message)
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(name, str)
        assert isinstance(content, bytes)
        yield name, content if part.get_filename() else content.decode()

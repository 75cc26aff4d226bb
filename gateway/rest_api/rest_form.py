"""Bodies of requests as JSON, or with a file as multipart forms.

A form has no objects. Django REST framework reads them from one part for each member:

    {"limits": {"cores": 4}}    the part `limits.cores` with the text 4

A part `limits` with JSON text, which Waldur's generated clients send, is read as an empty object.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from secrets import token_hex
from typing import Any, NamedTuple

from gateway.exact_json import ExactNumber, encode_json

JSON_MEDIA_TYPE = "application/json"
ATTACHMENT_NAME = "attachment"
_FILE_NAME = "purchase-order.pdf"


class EncodedBody(NamedTuple):
    """The content of a request's body."""

    media_type: str
    """With its parameters, as the header Content-Type has it."""
    content: bytes


def encode_json_body(body: Mapping[str, Any]) -> EncodedBody:
    """Return a body as JSON."""
    return EncodedBody(JSON_MEDIA_TYPE, encode_json(body))


def encode_form(body: Mapping[str, Any], attachment: bytes) -> EncodedBody:
    """Return a body with a PDF file as a multipart form; values that are None are left out."""
    boundary = token_hex(16)
    parts = [
        _encode_part(boundary, f'name="{_escape_name(name)}"', text.encode())
        for name, text in _list_fields(body)
    ]
    parameters = f'name="{ATTACHMENT_NAME}"; filename="{_FILE_NAME}"'
    parts.append(_encode_part(boundary, parameters, attachment, "application/pdf"))
    content = b"".join((*parts, f"--{boundary}--\r\n".encode()))
    return EncodedBody(f"multipart/form-data; boundary={boundary}", content)


def _list_fields(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each part."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _list_fields(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", _format_value(value)


def _format_value(value: object) -> str:
    """Return a value as the text that the field of a form reads as the same value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, ExactNumber) and value.is_storable():
        return f"{Decimal(value.text):f}"
    return str(value)


def _encode_part(
    boundary: str, parameters: str, content: bytes, media_type: str | None = None
) -> bytes:
    lines = [f"--{boundary}", f"Content-Disposition: form-data; {parameters}"]
    if media_type is not None:
        lines.append(f"Content-Type: {media_type}")
    return "\r\n".join([*lines, "", ""]).encode() + content + b"\r\n"


def _escape_name(name: str) -> str:
    """Return a name as a quoted parameter has it; Django, too, reads it so."""
    escaped_name = name.replace("\\", "\\\\").replace('"', '\\"')
    return escaped_name.replace("\r", "%0D").replace("\n", "%0A")

"""Media types in headers: parser of `Content-Type` and of the elements of `Accept`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_MEDIA_TYPE_PATTERN = re.compile(rf"{_NAME}/{_NAME}")
_PARAMETER_PATTERN = re.compile(
    rf'[ \t]*;[ \t]*(?:(?P<name>{_NAME})=(?P<value>{_NAME}|"(?:[^"\\]|\\.)*"))?'
)
_QUOTED_PAIR_PATTERN = re.compile(r"\\(.)")
_LIST_ELEMENT_PATTERN = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+', re.DOTALL)
UTF_8_CHARSETS = frozenset({None, "utf-8", "utf8"})
"""Values of the parameter `charset` that name UTF-8, in lower case; None if it is absent."""


@dataclass(frozen=True)
class MediaType:
    """A media type, or a range of media types such as `text/*`."""

    name: str
    """Type and subtype in lower case, such as `application/json`."""
    parameters: dict[str, str]
    """Values without quotes by names in lower case."""

    @property
    def is_utf_8(self) -> bool:
        """Whether the text is UTF-8: by its parameter `charset`, or because it has none."""
        charset = self.parameters.get("charset")
        return (charset if charset is None else charset.lower()) in UTF_8_CHARSETS


def split_list(header: str) -> list[str]:
    """Return the elements of a header that is a list (RFC 9110 §5.6.1); empty ones are skipped."""
    elements = (each.strip(" \t") for each in _LIST_ELEMENT_PATTERN.findall(header))
    return [each for each in elements if each]


def parse_media_type(text: str) -> MediaType | None:
    """Return the media type in a text (RFC 9110 §8.3.1); None if it is malformed."""
    text = text.strip(" \t")
    match = _MEDIA_TYPE_PATTERN.match(text)
    if match is None:
        return None
    try:
        pairs = list(_iter_parameters(text, match.end()))
    except ValueError:
        return None
    parameters = dict(pairs)
    return MediaType(match[0].lower(), parameters) if len(parameters) == len(pairs) else None


def _iter_parameters(text: str, position: int) -> Iterator[tuple[str, str]]:
    """Yield the parameters from a position on; raises ValueError if one is malformed."""
    while position < len(text):
        match = _PARAMETER_PATTERN.match(text, position)
        if match is None:
            raise ValueError
        position = match.end()
        if match["name"] is not None:
            yield match["name"].lower(), _unquote_value(match["value"])


def _unquote_value(value: str) -> str:
    return _QUOTED_PAIR_PATTERN.sub(r"\1", value[1:-1]) if value.startswith('"') else value

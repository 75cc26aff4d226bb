"""An adversarial document, and what such documents are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UUID = "0" * 32


@dataclass(frozen=True)
class AdversarialDocument:
    """A document with the code of the error that refuses it."""

    text: str
    code: str | None = None
    """None if the document is admitted."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation_name: str | None = None


PARSE_FAILED, INVALID = "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"
TOO_COMPLEX = "QUERY_TOO_COMPLEX"


def repeat_pattern(pattern: str, count: int, start: int = 0) -> str:
    """Return a pattern for each number; `{i}` is the number and `{next}` the following one."""
    numbers = range(start, start + count)
    return " ".join(pattern.replace("{i}", str(i)).replace("{next}", str(i + 1)) for i in numbers)


def nest_text(before: str, inner: str, after: str, depth: int) -> str:
    """Return a text within `depth` pairs of texts."""
    return before * depth + inner + after * depth

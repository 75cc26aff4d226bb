"""The files of documents: each document has a name and options.

A document begins with a line `## its name`. These lines may follow:

    # variables: {"n": 2}     values of variables, as JSON
    # operation: B            the operation to execute
    # counted: fallback      the expected key of `Executor.execution_counts`

Variables without a value are filled by their names from the marketplace's rows
(`KnownRows.make_variables`).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CORPUS_FOLDER = Path(__file__).parent
_NAME_PATTERN = re.compile(r"^## (.+)\n", re.MULTILINE)
_OPTION_PATTERN = re.compile(r"^# (variables|operation|counted): (.*)\n", re.MULTILINE)
_VARIABLE_PATTERN = re.compile(r"\$(\w+)\s*:")
CURSOR_VARIABLES = ("after", "before")
"""Variables that a second request fills with the ends of the first request's page."""


@dataclass(frozen=True)
class CorpusCase:
    """A document with the options of its request, and how the execution is counted."""

    name: str
    query: str
    variables: dict[str, Any] = field(default_factory=dict)
    operation: str | None = None
    counted_as: str = "compiled"
    """The expected key of `Executor.execution_counts`."""

    def __str__(self) -> str:
        return self.name

    @property
    def open_variables(self) -> set[str]:
        """The declared variables without a value."""
        return {*_VARIABLE_PATTERN.findall(self.query)} - {*self.variables}

    @property
    def has_next_page(self) -> bool:
        """Whether the document is executed again for the next page."""
        return bool(self.open_variables & {*CURSOR_VARIABLES})


def load_cases(folder: str = ".") -> list[CorpusCase]:
    """Return the documents of a folder."""
    files = sorted((CORPUS_FOLDER / folder).glob("*.graphql"))
    return [case for path in files for case in _parse_cases(path)]


def _parse_cases(path: Path) -> Iterator[CorpusCase]:
    _, *parts = _NAME_PATTERN.split(path.read_text(encoding="utf-8"))
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        options: dict[str, Any] = {
            key: _parse_option(value) for key, value in _OPTION_PATTERN.findall(text)
        }
        yield CorpusCase(
            f"{path.stem}: {name}",
            _OPTION_PATTERN.sub("", text).strip(),
            options.get("variables", {}),
            options.get("operation"),
            options.get("counted", "compiled"),
        )


def _parse_option(value: str) -> Any:
    """Parse an option: JSON, or a word without quotes."""
    return json.loads(value) if value[0] in '{"' else value

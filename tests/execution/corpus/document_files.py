"""Documents as files hold them: each with a name, and what is sent along with it.

A document begins with `## its name`. A line `# variables: {…}` gives variables
as JSON, `# operation: B` names an operation, and `# counted: surprised` says
what the answer counts as. Variables that are not given are filled in by their
names from what is known of the marketplace.
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
"""Variables that are given the ends of the page that came without them."""


@dataclass(frozen=True)
class CorpusCase:
    """A document, and what is sent along with it."""

    name: str
    query: str
    variables: dict[str, Any] = field(default_factory=dict)
    operation: str | None = None
    counted_as: str = "compiled"
    """What the answer counts as."""

    def __str__(self) -> str:
        return self.name

    @property
    def open_variables(self) -> set[str]:
        """The variables that are declared, and that no value is given for."""
        return {*_VARIABLE_PATTERN.findall(self.query)} - {*self.variables}

    @property
    def has_next_page(self) -> bool:
        """Whether the document is to be asked again for what comes after, or before."""
        return bool(self.open_variables & {*CURSOR_VARIABLES})


def load_cases(folder: str = ".") -> list[CorpusCase]:
    """Give the documents of a folder."""
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
    """Read JSON; a word may stand without quotes."""
    return json.loads(value) if value[0] in '{"' else value

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

HERE = Path(__file__).parent
_NAMED = re.compile(r"^## (.+)\n", re.MULTILINE)
_SENT = re.compile(r"^# (variables|operation|counted): (.*)\n", re.MULTILINE)
_VARIABLE = re.compile(r"\$(\w+)\s*:")
BOUNDS = ("after", "before")
"""Variables that are given the ends of the page that came without them."""


@dataclass(frozen=True)
class Case:
    """A document, and what is sent along with it."""

    name: str
    query: str
    variables: dict[str, Any] = field(default_factory=dict)
    operation: str | None = None
    counted: str = "compiled"
    """What the answer counts as."""

    def __str__(self) -> str:
        return self.name

    @property
    def open(self) -> set[str]:
        """The variables that are declared, and that no value is given for."""
        return {*_VARIABLE.findall(self.query)} - {*self.variables}

    @property
    def goes_on(self) -> bool:
        """Whether the document is to be asked again for what comes after, or before."""
        return bool(self.open & {*BOUNDS})


def cases(folder: str = ".") -> list[Case]:
    """Give the documents of a folder."""
    files = sorted((HERE / folder).glob("*.graphql"))
    return [each for path in files for each in _cases(path)]


def _cases(path: Path) -> Iterator[Case]:
    _, *parts = _NAMED.split(path.read_text(encoding="utf-8"))
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        sent: dict[str, Any] = {key: _read(value) for key, value in _SENT.findall(text)}
        yield Case(
            f"{path.stem}: {name}",
            _SENT.sub("", text).strip(),
            sent.get("variables", {}),
            sent.get("operation"),
            sent.get("counted", "compiled"),
        )


def _read(value: str) -> Any:
    """Read JSON; a word may stand without quotes."""
    return json.loads(value) if value[0] in '{"' else value

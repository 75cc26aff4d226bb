"""The numbers of statements that docs/architecture/mutation.md states."""

import re

from tests.support.project_paths import PROJECT_ROOT

_PAGE = (PROJECT_ROOT / "docs/architecture/mutation.md").read_text(encoding="utf-8")
_TABLE_PATTERN = re.compile(
    r"^\| mutation \| statements \|\n\|---\|---\|\n((?:\|.*\|\n)+)", re.MULTILINE
)
MAX_STATEMENTS = {
    name.replace("`", ""): int(count)
    for rows in _TABLE_PATTERN.findall(_PAGE)
    for name, count in re.findall(r"^\| (.*) \| (\d+) \|$", rows, re.MULTILINE)
}
"""Maximum number of statements by the mutation's row in the table; of a chunk for many objects."""

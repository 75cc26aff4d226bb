"""What only staff set: a resource's slug and flags (rules.md §1)."""

import re
from typing import Any

from gateway.marketplace.operation_rules import ResourceOperation
from gateway.marketplace.operations.setter import ResourceChange, declare_setter
from gateway.marketplace.problems import build_invalid_input, raise_problem
from gateway.marketplace.rows import ResourceRow
from gateway.marketplace.table_row import ColumnValues

_SLUG_PATTERN = re.compile(r"[-A-Za-z0-9_]{1,50}")


@declare_setter(ResourceOperation.SET_RESOURCE_SLUG)
async def set_slug(change: ResourceChange, slug: str) -> None:
    """Set a resource's slug."""
    if not _SLUG_PATTERN.fullmatch(slug):
        message = "must consist of 1 to 50 letters from a to z, digits, hyphens and underscores."
        raise_problem(build_invalid_input("slug", message=message))
    await _set_audited_column(change, ColumnValues(ResourceRow, slug=slug))


@declare_setter(ResourceOperation.SET_RESOURCE_FLAGS)
async def set_flag(change: ResourceChange, flag: dict[str, Any]) -> None:
    """Set one flag of a resource."""
    await _set_audited_column(change, ColumnValues(ResourceRow, **flag))


async def _set_audited_column(change: ResourceChange, values: ColumnValues[ResourceRow]) -> None:
    """Set one column; the comment of the version has its old and new value."""
    ((name, value),) = values.by_column.items()
    label = name.replace("_", " ").capitalize()
    comment = f"{label} changed from {getattr(change.before, name)!r} to {value!r}"
    await change.set_columns(values, comment)

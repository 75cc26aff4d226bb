"""Declaration of a setting."""

from collections.abc import Callable
from dataclasses import field
from typing import Any


def define_setting(parse: Callable[[str], Any], description: str, *, default: Any = None) -> Any:
    """Declare a setting: `parse` raises ValueError, which completes "must be …", if invalid."""
    return field(default=default, metadata={"parse": parse, "doc": description})

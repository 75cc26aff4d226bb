"""Why the marketplace refuses something, as values: what whoever asks can put right.

`schema.problems` publishes these; their docstrings are what clients read.
"""

from dataclasses import dataclass


@dataclass(kw_only=True)
class Problem:
    """Why what was asked for can't be done, and what would help."""

    message: str
    """What is wrong, for people to read."""


@dataclass(kw_only=True)
class NotPermitted(Problem):
    """The viewer may not do this; somebody with another role may."""


@dataclass(kw_only=True)
class InvalidField:
    """A value that was given, and can't be taken."""

    path: list[str]
    """Where the value stands: the argument, and what leads to it from there."""
    message: str
    """What is wrong with it, for people to read."""


@dataclass(kw_only=True)
class InvalidInput(Problem):
    """Some values that were given can't be taken; the first ten are named."""

    fields: list[InvalidField]
    """The values, each with what is wrong with it."""


@dataclass(kw_only=True)
class RenewalRule:
    """By how many months a component that is paid for in advance can be renewed."""

    component: str
    """The component's type."""
    min: int | None
    """The least months; null if there is no bound."""
    max: int | None
    """The most months; null if there is no bound."""
    step: int | None
    """The months go up in steps of this, from the least or else from 0; null if any number goes."""


@dataclass(kw_only=True)
class InvalidMonths(Problem):
    """A resource can't be renewed by that many months."""

    rules: list[RenewalRule]
    """The rules that the months break; there may be others, which they meet."""

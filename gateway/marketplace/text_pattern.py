"""Regular expressions of providers, matched in bounded time.

Python's engine backtracks: a short expression such as `(a+)+b` keeps it busy for years, and
nothing can interrupt it. Here an expression becomes a function from the set of positions at
which it may begin to the set of positions at which it may end:

    a literal     the positions after it
    a sequence    the functions of its parts, one after the other
    a branch      the union of its branches
    a repetition  the union of all iterations; each begins where no earlier one has begun
    an assertion  the positions at which it holds

The sets have at most one element for each character, so that there is nothing to backtrack. Each
step is counted, and a text that needs too many is refused. What depends on the way on which a
position was reached (references to groups, possessive repetitions) is not supported. RE2 would
match in linear time, too, but has no look-ahead, and no wheels for each Python that is supported.
"""

import re
import string
from collections.abc import Callable, Iterable
from functools import lru_cache, reduce
from typing import Any

from gateway.marketplace.re_internals import (
    LITERAL,
    NEGATE,
    InvalidExpressionError,
    parse_expression,
)

MAX_PATTERN_LENGTH = 500
"""Maximum number of characters of a pattern, as in Waldur."""
_MAX_PATTERN_GROUPS = 50
"""Maximum number of groups: functions of nested ones call each other."""
MAX_PATTERN_STEPS = 20_000
"""Maximum number of steps in one request: some 20 milliseconds, or 6000 characters of `[a-z]+`."""
_SUPPORTED_FLAGS = re.IGNORECASE | re.DOTALL | re.VERBOSE | re.ASCII | re.UNICODE
_ASCII_CHARACTERS = tuple(map(chr, range(128)))
_WORD_CHARACTERS = frozenset(f"{string.ascii_letters}{string.digits}_")
_CATEGORIES = {
    "DIGIT": frozenset(string.digits),
    "SPACE": frozenset(string.whitespace),
    "WORD": _WORD_CHARACTERS,
}
"""Characters of `\\d`, `\\s` and `\\w`: those of ASCII, as in Waldur."""


class PatternStepsExceededError(Exception):
    """A text is too long for its pattern, or the pattern too complex."""


class UnsupportedPatternError(Exception):
    """A pattern has a part that can't be matched in bounded time."""


class PatternSteps:
    """Number of steps that remain for all patterns of one request."""

    def __init__(self, remaining: int = MAX_PATTERN_STEPS) -> None:
        """Store the number of steps."""
        self._remaining = remaining

    def take_steps(self, count: int) -> None:
        """Count steps; raises PatternStepsExceededError if too few remain."""
        self._remaining -= count + 1
        if self._remaining < 0:
            raise PatternStepsExceededError


Positions = frozenset[int]
_FindEnds = Callable[[str, Positions, PatternSteps], Positions]
"""Function that returns where a part of a pattern may end in a text, by where it may begin."""
_IsMember = Callable[[str], bool]
"""Function that returns whether a character belongs to a set."""


class TextPattern:
    """A compiled pattern."""

    def __init__(self, find_ends: _FindEnds) -> None:
        """Store the function of the whole pattern."""
        self._find_ends = find_ends

    def matches_text(self, text: str, steps: PatternSteps) -> bool:
        """Return whether the whole text matches; raises PatternStepsExceededError."""
        return len(text) in self._find_ends(text, frozenset((0,)), steps)


def compile_pattern(pattern: str) -> TextPattern | None:
    """Return the compiled pattern; None if it is too long, erroneous or not supported."""
    is_short = len(pattern) <= MAX_PATTERN_LENGTH and pattern.count("(") <= _MAX_PATTERN_GROUPS
    return _compile_short_pattern(pattern) if is_short else None


@lru_cache(200)
def _compile_short_pattern(pattern: str) -> TextPattern | None:
    try:
        tree, flags = parse_expression(pattern)
        return TextPattern(_build_sequence(tree, flags))
    except (InvalidExpressionError, UnsupportedPatternError):
        return None


def _build_sequence(items: Iterable[tuple[Any, Any]], flags: int) -> _FindEnds:
    if flags & ~_SUPPORTED_FLAGS:
        raise UnsupportedPatternError
    parts = [_build_part(str(operator), argument, flags) for operator, argument in items]
    return lambda text, starts, steps: reduce(
        lambda positions, part: part(text, positions, steps), parts, starts
    )


def _build_part(operator: str, argument: Any, flags: int) -> _FindEnds:
    build = _BUILDERS.get(operator)
    if build is None:
        raise UnsupportedPatternError(operator)
    return build(argument, flags)


def _build_character(is_member: _IsMember) -> _FindEnds:
    """Return the function of one character; most are of ASCII, which is looked up in a set."""
    ascii_members = frozenset(filter(is_member, _ASCII_CHARACTERS))

    def find_ends(text: str, starts: Positions, steps: PatternSteps) -> Positions:
        steps.take_steps(len(starts))
        characters = [(each + 1, text[each]) for each in starts if each < len(text)]
        return frozenset(
            [
                end
                for end, character in characters
                if character in ascii_members or (not character.isascii() and is_member(character))
            ]
        )

    return find_ends


def _build_set(items: Iterable[tuple[Any, Any]], flags: int) -> _FindEnds:
    """Return the function of one character of a set such as `[^a-z]`."""
    members = [(str(operator), argument) for operator, argument in items]
    is_negated = members[0][0] == "NEGATE"
    tests = [_build_member_test(*each) for each in members[is_negated:]]

    def is_member(character: str) -> bool:
        spellings = {character}
        if flags & re.IGNORECASE:
            spellings |= {character.lower(), character.upper()}
        return any(test(each) for test in tests for each in spellings) is not is_negated

    return _build_character(is_member)


def _build_member_test(operator: str, argument: Any) -> _IsMember:
    if operator == "LITERAL":
        return chr(argument).__eq__
    if operator == "RANGE":
        first, last = map(chr, argument)
        return lambda character: first <= character <= last
    name = str(argument).removeprefix("CATEGORY_")
    members, is_excluded = _CATEGORIES[name.removeprefix("NOT_")], name.startswith("NOT_")
    return lambda character: (character in members) is not is_excluded


def _build_any(_argument: Any, flags: int) -> _FindEnds:
    is_any = bool(flags & re.DOTALL)
    return _build_character(lambda character: is_any or character != "\n")


def _build_branch(argument: Any, flags: int) -> _FindEnds:
    branches = [_build_sequence(each, flags) for each in argument[1]]
    return lambda text, starts, steps: frozenset[int]().union(
        *(branch(text, starts, steps) for branch in branches)
    )


def _build_group(argument: Any, flags: int) -> _FindEnds:
    _, added_flags, removed_flags, items = argument
    return _build_sequence(items, (flags | added_flags) & ~removed_flags)


def _build_repetition(argument: Any, flags: int) -> _FindEnds:
    minimum, maximum, items = argument
    iterate = _build_sequence(items, flags)

    def find_ends(text: str, starts: Positions, steps: PatternSteps) -> Positions:
        for _ in range(minimum):
            steps.take_steps(0)
            ends = iterate(text, starts, steps)
            if ends == starts:
                break
            starts = ends
        reached, frontier = set(starts), starts
        for _ in range(maximum - minimum):
            steps.take_steps(0)
            frontier = iterate(text, frontier, steps) - reached
            if not frontier:
                break
            reached |= frontier
        steps.take_steps(len(reached))
        return frozenset(reached)

    return find_ends


def _build_anchor(argument: Any, _flags: int) -> _FindEnds:
    """Return the function of an assertion without a width, such as `^` and `$`."""
    holds = _ANCHORS[str(argument)]

    def find_ends(text: str, starts: Positions, steps: PatternSteps) -> Positions:
        steps.take_steps(len(starts))
        return frozenset([each for each in starts if holds(text, each)])

    return find_ends


def _is_at_end(text: str, position: int) -> bool:
    return position >= len(text) - 1 and text[position:] in ("", "\n")


def _is_at_boundary(text: str, position: int) -> bool:
    before, after = text[max(position - 1, 0) : position], text[position : position + 1]
    return (before in _WORD_CHARACTERS) is not (after in _WORD_CHARACTERS)


_ANCHORS: dict[str, Callable[[str, int], bool]] = {
    "AT_BEGINNING": lambda _text, position: position == 0,
    "AT_BEGINNING_STRING": lambda _text, position: position == 0,
    "AT_END": _is_at_end,
    "AT_END_STRING": lambda text, position: position == len(text),
    "AT_BOUNDARY": _is_at_boundary,
    "AT_NON_BOUNDARY": lambda text, position: not _is_at_boundary(text, position),
}


def _build_assertion(argument: Any, flags: int, *, is_negated: bool) -> _FindEnds:
    """Return the function of a look-ahead, or of a look-behind, which has a fixed width."""
    direction, items = argument
    width, max_width = items.getwidth() if direction < 0 else (0, 0)
    if width != max_width:
        raise UnsupportedPatternError
    look = _build_sequence(items, flags)

    def is_held(text: str, position: int, steps: PatternSteps) -> bool:
        start = position - width
        ends = look(text, frozenset((start,)), steps) if start >= 0 else frozenset()
        return position in ends if direction < 0 else bool(ends)

    return lambda text, starts, steps: frozenset(
        [each for each in starts if is_held(text, each, steps) is not is_negated]
    )


_BUILDERS: dict[str, Callable[[Any, int], _FindEnds]] = {
    "LITERAL": lambda code, flags: _build_set([(LITERAL, code)], flags),
    "NOT_LITERAL": lambda code, flags: _build_set([(NEGATE, None), (LITERAL, code)], flags),
    "IN": _build_set,
    "ANY": _build_any,
    "BRANCH": _build_branch,
    "SUBPATTERN": _build_group,
    "MAX_REPEAT": _build_repetition,
    "MIN_REPEAT": _build_repetition,
    "AT": _build_anchor,
    "ASSERT": lambda argument, flags: _build_assertion(argument, flags, is_negated=False),
    "ASSERT_NOT": lambda argument, flags: _build_assertion(argument, flags, is_negated=True),
}
"""Functions that compile each kind of part, by the operator of the parse tree."""

"""Patterns are matched as `re` does in ASCII mode, in bounded time."""

import re
from itertools import product

import pytest
from hypothesis import given, strategies

from gateway.marketplace.text_pattern import (
    MAX_PATTERN_LENGTH,
    PatternSteps,
    PatternStepsExceededError,
    compile_pattern,
)

TEXTS = ["".join(each) for size in range(5) for each in product("ab-", repeat=size)]
TEXTS += ["a\n", "\na", "é", "É", "7", "a7_", " ", "A", "Ab", "ab\nab"]
PATTERNS = [
    "",
    "a",
    "[a-z][a-z0-9-]*",
    "[^a]+",
    "[^a-b]?",
    "(a|b)*",
    "(?:a|ab)(?:b|-)?",
    "(a|)+b",
    "(a*)*",
    "(a*)+b",
    "(a?){3}b",
    "a{2}",
    "a{1,2}b{0,2}?",
    "a{2,}",
    "(ab|a){2}b",
    "^a$",
    r"\Aa\Z",
    r"\w+",
    r"\W",
    r"\d\w_",
    r"\s|\S-",
    r"[\w-]+",
    r"[^\W]+",
    r"a\b-?b?",
    r"a\Bb.*",
    ".*",
    "(?s).*",
    "(?i)A+",
    "(?i)[^a]b?",
    "(?i:a)b",
    "(?=a)[ab]+",
    "(?!a)[ab]+",
    "(?!.*--)[ab-]+",
    ".*(?<=a)",
    ".*(?<!-)",
    "(?<=a)b",
    "a.*?b",
    "(?P<first>a)b",
    "(" * 50 + "a" + ")" * 50,
    "é|É",
]
UNSUPPORTED_PATTERNS = [
    r"(a)\1",
    "(a)?(?(1)b|c)",
    "(?>a)",
    "a++",
    "(?m)^a",
    "(?m:^a)",
    "(",
    "[",
    "a{2,1}",
    f"a{{{10**30}}}",
    "(?<=a*)b",
    "(" * 51 + ")" * 51,
    "a" * (MAX_PATTERN_LENGTH + 1),
]
CATASTROPHIC_PATTERNS = [
    "(a+)+b",
    "(a*)*b",
    "(a|a)*b",
    "(a|aa)+b",
    "(.*a){12}b",
    "(a?){30}a{30}b",
    "((a{0,99}){0,99}){0,99}b",
    "(?=(a+)+b)a",
    "((a?){60000}){60000}b",
    r"((\b|a){60000}){60000}b",
]


def matches(pattern: str, text: str) -> bool:
    """Return whether a text matches a pattern, which is supported."""
    compiled_pattern = compile_pattern(pattern)
    assert compiled_pattern is not None
    return compiled_pattern.matches_text(text, PatternSteps())


@pytest.mark.parametrize("pattern", PATTERNS)
def test_texts_match_as_with_re(pattern: str) -> None:
    expression = re.compile(pattern, re.ASCII)
    for text in TEXTS:
        assert matches(pattern, text) == bool(expression.fullmatch(text)), text


REPETITIONS = strategies.sampled_from(["*", "+", "?", "{2}", "{1,2}", "*?"])
PARTS = strategies.sampled_from(
    ["a", "b", "-", ".", "[ab]", "[^a]", r"\w", r"\b", "^", "$", "|", "(?=b)", "(?!a)", "(?<=a)"]
)
EXPRESSIONS = strategies.recursive(
    PARTS,
    lambda inner: strategies.one_of(
        strategies.lists(inner, max_size=4).map("".join),
        strategies.tuples(
            inner, strategies.sampled_from(["*", "+", "?", "{2}", "{1,2}", "*?"])
        ).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, strategies.text("ab-\n", max_size=8))
def test_any_pattern_matches_as_with_re(pattern: str, text: str) -> None:
    assert matches(pattern, text) == bool(re.compile(pattern, re.ASCII).fullmatch(text))


@pytest.mark.parametrize("pattern", UNSUPPORTED_PATTERNS, ids=lambda each: each[:20])
def test_other_patterns_are_not_compiled(pattern: str) -> None:
    assert compile_pattern(pattern) is None


@pytest.mark.parametrize("pattern", CATASTROPHIC_PATTERNS)
def test_the_number_of_steps_is_bounded(pattern: str) -> None:
    for size in (30, 3000, 300_000):
        try:
            assert not matches(pattern, "a" * size)
        except PatternStepsExceededError:
            continue


def test_a_usual_pattern_needs_few_steps() -> None:
    pattern = compile_pattern("[a-z0-9]+([.-][a-z0-9]+)*")
    assert pattern is not None
    assert pattern.matches_text(".".join(["abc-def"] * 125), PatternSteps())


def test_steps_are_shared_by_all_texts_of_a_request() -> None:
    pattern, steps = compile_pattern("a*"), PatternSteps(1000)
    assert pattern is not None
    assert pattern.matches_text("a" * 200, steps)
    with pytest.raises(PatternStepsExceededError):
        pattern.matches_text("a" * 200, steps)

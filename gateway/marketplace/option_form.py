"""Forms of offerings: the options that an order or a change of a resource answers (rules.md §0).

A form is the JSON value of `Offering.options` or `Offering.resourceOptions`. Keys of its options
that only newer versions of Waldur know (`visible_if`, `pattern`, `unique`) count where they occur.
"""

import operator
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.exact_json import encode_json
from gateway.marketplace.option_answers import (
    InvalidAnswerError,
    Question,
    parse_answer,
    parse_boolean,
)
from gateway.marketplace.problems import InvalidField, build_invalid_field
from gateway.marketplace.text_pattern import (
    PatternSteps,
    PatternStepsExceededError,
    compile_pattern,
)

MAX_ANSWERS_SIZE = 100 * 1024
"""Maximum size of all answers of a resource as JSON, in bytes."""
Questions = Mapping[str, Question]
"""Options of a form by name."""
_PATTERN_TYPES = ("string", "text")
_COMPARISONS: Mapping[object, tuple[Callable[[Any, Any], bool], str]] = {
    "gt": (operator.gt, "greater than"),
    "gte": (operator.ge, "greater than or equal to"),
    "lt": (operator.lt, "less than"),
    "lte": (operator.le, "less than or equal to"),
}
"""Comparisons of an answer with that of another option, by type of the validator."""


@dataclass(frozen=True)
class CheckedForm:
    """Answers after the check of a form."""

    answers: dict[str, Any]
    """All answers, as they were sent, without those to hidden options."""
    invalid_fields: list[InvalidField]
    """What is wrong with new answers; empty if all are valid."""


def list_questions(form: object) -> dict[str, Question]:
    """Return the options of a form in their order; those without a definition are left out."""
    members = form if isinstance(form, dict) else {}
    questions, order = members.get("options"), members.get("order")
    if not isinstance(questions, dict):
        return {}
    names = [each for each in order if isinstance(each, str)] if isinstance(order, list) else []
    sorted_names = dict.fromkeys([*names, *questions])
    return {name: questions[name] for name in sorted_names if isinstance(questions.get(name), dict)}


def check_option_form(
    form: object,
    answers: Mapping[str, Any],
    *,
    current_answers: Mapping[str, Any] | None = None,
    path: tuple[str, ...] = ("options",),
) -> CheckedForm:
    """Check answers to a form; answers to options that it does not have are kept unchecked.

    With `current_answers` they are an update of these: nothing is required. `path` is that of the
    answers in the client's input.
    """
    questions = list_questions(form)
    all_answers = {**(current_answers or {}), **answers}
    hidden_names = find_hidden_options(questions, all_answers)
    check = _FormCheck(_omit_names(questions, hidden_names), answers, path)
    fields = [
        *check.check_answers(),
        *(check.check_required() if current_answers is None else ()),
    ]
    return CheckedForm(
        answers=_omit_names(all_answers, hidden_names),
        invalid_fields=fields or [*check.compare_answers()],
    )


class _FormCheck:
    """Check of the answers to visible options."""

    def __init__(
        self, questions: Questions, answers: Mapping[str, Any], path: tuple[str, ...]
    ) -> None:
        self._questions, self._answers, self._path = questions, answers, path
        self._values: dict[str, Any] = {}
        """What the valid answers spell, by option."""
        self._pattern_steps = PatternSteps()

    def check_answers(self) -> Iterator[InvalidField]:
        """Yield the answers that their option does not accept."""
        for name, question in self._questions.items():
            if name not in self._answers:
                continue
            try:
                value = parse_answer(self._answers[name], question)
                self._check_pattern(question, value)
            except InvalidAnswerError as error:
                yield self._build_field(name, *error.path, message=error.requirement)
            else:
                self._values[name] = value

    def _check_pattern(self, question: Question, value: Any) -> None:
        """Raise InvalidAnswerError if a text does not match the option's pattern."""
        pattern = question.get("pattern")
        if not isinstance(pattern, str) or question.get("type") not in _PATTERN_TYPES:
            return
        text_pattern = compile_pattern(pattern)
        if text_pattern is None:
            return
        try:
            is_match = text_pattern.matches_text(value, self._pattern_steps)
        except PatternStepsExceededError:
            message = "is too long: whether it has the required pattern takes too long to check."
            raise InvalidAnswerError(message) from None
        if not is_match:
            raise InvalidAnswerError(_describe_pattern(pattern, question.get("pattern_error")))

    def check_required(self) -> Iterator[InvalidField]:
        """Yield the required options that are not answered and have no default."""
        for name, question in self._questions.items():
            is_required = question.get("required") and not question.get("default")
            if is_required and name not in self._answers:
                yield self._build_field(name, message="is required.")

    def compare_answers(self) -> Iterator[InvalidField]:
        """Yield the answers that contradict another one, by the validators of their option."""
        for name, value in self._values.items():
            validators = self._questions[name].get("validators")
            for validator in validators if isinstance(validators, list) else ():
                requirement = self._find_contradiction(value, validator)
                if requirement:
                    yield self._build_field(name, message=requirement)

    def _find_contradiction(self, value: Any, validator: Any) -> str | None:
        if not isinstance(validator, dict):
            return None
        target_name, comparison = (
            str(validator.get("target_field")),
            str(validator.get("type")),
        )
        target = self._values.get(target_name)
        if comparison not in _COMPARISONS or type(target) is not type(value):
            return None
        is_met, description = _COMPARISONS[comparison]
        if isinstance(value, dict) or is_met(value, target):
            return None
        return f"must be {description} `{target_name}`."

    def _build_field(self, *names: str, message: str) -> InvalidField:
        return build_invalid_field(*self._path, *names, message=message)


def _describe_pattern(pattern: str, pattern_error: object) -> str:
    if isinstance(pattern_error, str) and pattern_error:
        return f"is invalid: {pattern_error}"
    return f"must match the pattern {pattern}."


def find_hidden_options(questions: Questions, answers: Mapping[str, Any]) -> set[str]:
    """Return the options that are hidden by their `visible_if`.

    An option is shown if another one is shown and has one of the named answers, so hiding one
    hides those that depend on it. A reference to an unknown option, or in a circle, hides, too.
    """
    names_by_parent: dict[str, list[str]] = defaultdict(list)
    pending_names = []
    for name, question in questions.items():
        rule = question.get("visible_if")
        if not isinstance(rule, dict) or not rule:
            pending_names.append(name)
        else:
            names_by_parent[str(rule.get("field"))].append(name)
    visible_names = set()
    while pending_names:
        parent = pending_names.pop()
        visible_names.add(parent)
        pending_names += [
            name
            for name in names_by_parent[parent]
            if _is_answered_so(
                questions[parent], answers.get(parent), questions[name]["visible_if"].get("values")
            )
        ]
    return {name for name in questions if name not in visible_names}


def _is_answered_so(question: Question, value: Any, expected_values: object) -> bool:
    """Return whether the answer to an option is one of the expected values.

    A boolean that is not answered is false, as a form does not send a checkbox without a mark.
    """
    expected = expected_values if isinstance(expected_values, list) else []
    match question.get("type"):
        case "boolean":
            boolean = parse_boolean(False if value is None else value)
            return any(each is boolean for each in expected if isinstance(each, bool))
        case "select_string" | "select_string_multi":
            choices = value if isinstance(value, list) else [value]
            return any(each in expected for each in choices if isinstance(each, str))
    return False


def strip_hidden_answers(form: object, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return answers without those to hidden options."""
    return _omit_names(answers, find_hidden_options(list_questions(form), answers))


def _omit_names(members: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in names}


def check_answers_size(
    answers: Mapping[str, Any], path: tuple[str, ...] = ("options",)
) -> Iterator[InvalidField]:
    """Yield the problem of answers that are too large to be stored."""
    size = len(encode_json(answers))
    if size > MAX_ANSWERS_SIZE:
        message = (
            f"must have at most {MAX_ANSWERS_SIZE} bytes as JSON, with those that stay, got {size}."
        )
        yield build_invalid_field(*path, message=message)

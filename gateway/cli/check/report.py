"""Findings of `gateway check`, as text or JSON."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How a finding affects the gateway."""

    OK = "ok"
    """It is as it should be."""
    NOTE = "note"
    """It may be meant so."""
    WARNING = "warning"
    """The gateway serves, but something is slower, missing or less safe than it could be."""
    FAILURE = "failure"
    """The gateway can't serve, or something that is configured can't work."""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    severity: Severity
    text: str
    details: Sequence[str] = ()
    """Lines below it: names, or statements to run."""


@dataclass(frozen=True)
class Section:
    """Findings on one subject."""

    title: str
    findings: Sequence[Finding]


@dataclass
class Report:
    """All findings."""

    sections: list[Section] = field(default_factory=list)

    def count_findings(self, severity: Severity) -> int:
        """Return the number of findings of a severity."""
        return sum(
            finding.severity is severity for each in self.sections for finding in each.findings
        )

    def choose_status(self, *, is_strict: bool) -> int:
        """Return the exit status: 1 with failures, and with warnings too if it is strict."""
        has_warnings = self.count_findings(Severity.WARNING) > 0
        return int(self.count_findings(Severity.FAILURE) > 0 or (is_strict and has_warnings))

    def describe_outcome(self) -> str:
        """Return the last line of the text."""
        failures, warnings = map(self.count_findings, (Severity.FAILURE, Severity.WARNING))
        outcome = (
            "The gateway can serve this marketplace"
            if failures == 0
            else "The gateway can't serve this marketplace as it is configured"
        )
        return f"{outcome}; {_count(failures, 'failure')}, {_count(warnings, 'warning')}."

    def render_json(self) -> str:
        """Return the report as a JSON object."""
        sections = {
            each.title: [
                {
                    "severity": finding.severity,
                    "text": finding.text,
                    "details": [*finding.details],
                }
                for finding in each.findings
            ]
            for each in self.sections
        }
        return json.dumps({"summary": self.describe_outcome(), "sections": sections}, indent=2)


def render_section(section: Section) -> Iterator[str]:
    """Yield the lines of a section; details are indented, so that statements can be copied."""
    yield f"\n{section.title}"
    for finding in section.findings:
        yield f"  {finding.severity:<8} {_escape_controls(finding.text)}"
        yield from (f"    {each}" for each in finding.details)


def _escape_controls(text: str) -> str:
    """Return a text, which may be that of a server, as one line that controls no terminal."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def report_success(text: str, *details: str) -> Finding:
    """Return a finding that needs no action."""
    return Finding(Severity.OK, text, details)


def report_note(text: str, *details: str) -> Finding:
    """Return a finding that may be meant so."""
    return Finding(Severity.NOTE, text, details)


def report_warning(text: str, details: Iterable[str] = ()) -> Finding:
    """Return a finding that an operator should know."""
    return Finding(Severity.WARNING, text, tuple(details))


def report_failure(text: str, details: Iterable[str] = ()) -> Finding:
    """Return a finding that an operator has to mend."""
    return Finding(Severity.FAILURE, text, tuple(details))


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"

"""Questions of order forms and resource options, and random answers."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

_CASCADE = {
    "steps": [
        {"name": "field", "label": "Field", "type": "select_string", "choices": ["Life", "Earth"]},
        {
            "name": "area",
            "label": "Area",
            "type": "select_string",
            "depends_on": "field",
            "choices_map": {"Life": ["Genomics", "Imaging"], "Earth": ["Oceans", "Climate"]},
        },
    ]
}
_QUESTIONS: Mapping[str, dict[str, Any]] = {
    "purpose": {"type": "text", "label": "What is it for?", "required": False},
    "notify_at": {"type": "integer", "label": "Warn at (%)", "min": 50, "max": 100, "default": 80},
    "contact": {"type": "string", "label": "Technical contact"},
    "tier": {"type": "select_string", "label": "Tier", "choices": ["hot", "warm", "cold"]},
    "retention_days": {"type": "integer", "label": "Keep for (days)", "min": 1, "max": 3650},
    "versioning": {"type": "boolean", "label": "Keep versions", "default": False},
    "backup": {"type": "boolean", "label": "Daily backup", "default": True},
    "budget": {"type": "money", "label": "Budget (EUR)", "min": 0, "max": 100000},
    "allowance": {"type": "money", "label": "Overage that you accept (EUR)", "min": 0, "max": 5000},
    "start_on": {"type": "date", "label": "From which day?", "required": True},
    "review_on": {"type": "date", "label": "Review it on"},
    "quiet_from": {"type": "time", "label": "No maintenance from", "default": "22:00:00"},
    "frameworks": {
        "type": "select_string_multi",
        "label": "Frameworks",
        "choices": ["PyTorch", "JAX", "Julia", "Kokkos"],
        "default": ["PyTorch"],
    },
    "summary": {"type": "html_text", "label": "Public summary"},
    "cloud": {"type": "select_openstack_tenant", "label": "Deliver to cloud"},
    "clouds": {"type": "select_multiple_openstack_tenants", "label": "Copies to clouds"},
    "machine": {"type": "select_openstack_instance", "label": "Run on machine"},
    "machines": {"type": "select_multiple_openstack_instances", "label": "Spare machines"},
    "discipline": {
        "type": "conditional_cascade",
        "label": "Discipline",
        "cascade_config": _CASCADE,
    },
    "nodes": {
        "type": "component_multiplier",
        "label": "Racks",
        "component_multiplier_config": {"component_type": "nodes", "factor": 4, "max_limit": 32},
    },
}
ALL_QUESTIONS = tuple(each for each in _QUESTIONS if each != "nodes")
"""Names of all questions that suit every offering; `nodes` needs a component of that type."""
_WORDS = ("lab@example.org", "Simulations", "")
_ADDRESSES = ("https://example.org/api/clouds/1/", "https://example.org/api/clouds/2/")
_SAMPLE_ANSWERS: Mapping[str, Sequence[Any]] = {
    "string": _WORDS,
    "text": _WORDS,
    "date": ("2026-09-01", "2027-02-28", "2028-02-29"),
    "time": ("06:30:00", "22:00:00"),
    "html_text": ("<p>We sequence mosses.</p>", ""),
    "select_openstack_tenant": _ADDRESSES,
    "select_openstack_instance": _ADDRESSES,
    "select_multiple_openstack_tenants": (list(_ADDRESSES), [_ADDRESSES[0]], []),
    "select_multiple_openstack_instances": (list(_ADDRESSES), [_ADDRESSES[1]]),
    "conditional_cascade": (
        {"field": "Life", "area": "Genomics"},
        {"field": "Earth", "area": "Oceans"},
    ),
    "component_multiplier": (1, 2, 4),
}
"""Answers by type of question, for types without bounds and choices."""


def build_form(names: Sequence[str]) -> dict[str, Any]:
    """Return the form with the named questions, as Waldur stores it."""
    return {"order": list(names), "options": {name: _QUESTIONS[name] for name in names}}


def generate_answers(names: Sequence[str], random: Random) -> dict[str, Any]:
    """Return a random answer to each of the named questions, by name."""
    return {name: _generate_answer(_QUESTIONS[name], random) for name in names}


def _generate_answer(question: Mapping[str, Any], random: Random) -> Any:
    match question["type"]:
        case "boolean":
            return random.random() < 0.5  # noqa: PLR2004 - an even chance
        case "integer" | "money":
            return random.randint(question["min"], question["max"])
        case "select_string":
            return random.choice(question["choices"])
        case "select_string_multi":
            return random.sample(question["choices"], random.randint(1, len(question["choices"])))
        case question_type:
            return random.choice(_SAMPLE_ANSWERS[question_type])

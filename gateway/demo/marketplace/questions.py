"""The questions that order forms and resources' options ask, and likely answers."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

_QUESTIONS: Mapping[str, dict[str, Any]] = {
    "purpose": {"type": "text", "label": "What is it for?", "required": False},
    "notify_at": {"type": "integer", "label": "Warn at (%)", "min": 50, "max": 100, "default": 80},
    "contact": {"type": "string", "label": "Technical contact"},
    "tier": {"type": "select_string", "label": "Tier", "choices": ["hot", "warm", "cold"]},
    "retention_days": {"type": "integer", "label": "Keep for (days)", "min": 1, "max": 3650},
    "versioning": {"type": "boolean", "label": "Keep versions", "default": False},
    "backup": {"type": "boolean", "label": "Daily backup", "default": True},
}


def form(names: Sequence[str]) -> dict[str, Any]:
    """Give the form that asks the named questions."""
    return {"order": list(names), "options": {name: _QUESTIONS[name] for name in names}}


def answers(names: Sequence[str], random: Random) -> dict[str, Any]:
    """Give an answer to each of the named questions."""
    return {name: _answer(_QUESTIONS[name], random) for name in names}


def _answer(question: Mapping[str, Any], random: Random) -> Any:
    match question["type"]:
        case "boolean":
            return random.random() < 0.5  # noqa: PLR2004 - as often as not
        case "integer":
            return random.randint(question["min"], question["max"])
        case "select_string":
            return random.choice(question["choices"])
        case _:
            return random.choice(("lab@example.org", "Simulations", ""))

"""What a resource's JSON columns hold: limits, usages, attributes, options, reports."""

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from gateway.demo.marketplace.offerings import Offering
from gateway.demo.marketplace.placement import Place
from gateway.demo.marketplace.prices import Priced
from gateway.demo.marketplace.questions import answers
from gateway.demo.marketplace.rows import Rows

_SUBJECTS = (
    "climate",
    "genome",
    "ocean",
    "protein",
    "galaxy",
    "archive",
    "language",
    "traffic",
    "forest",
    "seismic",
    "Ålesund",
    "õppetöö",
)
_PURPOSES = ("analysis", "ensemble", "pipeline", "portal", "test", "backup", "training", "web")


def name(random: Random, number: int) -> str:
    """Give a resource's name; some are not unique."""
    words = f"{random.choice(_SUBJECTS)}-{random.choice(_PURPOSES)}"
    return words if number % 50 == 49 else f"{words}-{number + 1:03}"  # noqa: PLR2004


def limits(random: Random, offering: Offering) -> dict[str, int]:
    """Give a limit within bounds for each component that has limits."""
    found = {}
    for each in offering.limited:
        lowest, highest = each.bounds
        wanted = max(random.randint(1, 200) * each.factor, lowest or 0)
        found[each.type] = wanted if highest is None else min(wanted, highest)
    return found


def cost(offering: Offering, plan: Priced | None, wanted: dict[str, int]) -> Decimal | None:
    """Estimate the cost of a resource for a unit of its plan (domain.md §3.4)."""
    if plan is None:
        return None
    parts = (plan.prices[each.type] * wanted[each.type] / each.factor for each in offering.limited)
    return plan.unit_price + sum(parts, Decimal())


def usages(random: Random, offering: Offering, wanted: dict[str, int]) -> dict[str, float]:
    """Give how much of each counted component was used lately."""
    counted = [
        each for each in offering.offer.kind.components if each.billing in {"usage", "limit"}
    ]
    return {each.type: round(wanted.get(each.type, 100) * random.random(), 2) for each in counted}


def attributes(random: Random, place: Place, called: str) -> dict[str, Any]:
    """Give what was said when the resource was ordered, secrets included."""
    said = {"name": called, **answers(place.offering.offer.options, random)}
    match place.offering.offer.kind.type:
        case "OpenStack.Tenant":
            said |= {"subnet_cidr": "192.168.42.0/24", "user_username": "secret-name"}
            said |= {"user_password": "secret-password"}
        case "OpenStack.Instance":
            said |= {"flavor": "m2.standard", "system_volume_size": 20480}
        case "Marketplace.Booking":
            said |= {
                "schedules": [{"start": "2026-03-02T08:00:00Z", "end": "2026-03-02T16:00:00Z"}]
            }
    return said


def metadata(random: Random, place: Place, called: str) -> dict[str, Any]:
    """Give what the backend tells about the resource."""
    match place.offering.offer.kind.type:
        case "OpenStack.Instance":
            runtime = random.choice(("ACTIVE", "SHUTOFF"))
            return {"state": "OK", "runtime_state": runtime, "action": "", "instance_name": called}
        case "Marketplace.Slurm":
            return {"runtime_state": random.choice(("active", "draining")), "state": "OK"}
        case _:
            return {}


def options(random: Random, offering: Offering) -> dict[str, Any] | None:
    """Give the answers to the offering's questions about a resource; null if it asks none."""
    asked = offering.offer.resource_options
    return answers(asked, random) if asked else None


def report(random: Random, number: int) -> list[dict[str, str]] | None:
    """Give what a provider reported, for one resource in ten."""
    if number % 10 != _REPORTED:
        return None
    jobs = random.randrange(5000)
    return [
        {"header": "Jobs", "body": f"{jobs} jobs ended, {jobs // 50} of them early."},
        {"header": "Advice", "body": "Ask for less memory."},
    ]


def end(rows: Rows, number: int, offering: Offering) -> date | None:
    """Give the last day of a resource: near, past, far or none."""
    if number < len(_OLDEST_ENDS):
        days = _OLDEST_ENDS[number]
        return None if days is None else rows.ahead(days)
    if not offering.prepaid and rows.chance(0.35):
        return None
    lowest, highest = rows.random.choice(_SPANS)
    return rows.ahead(rows.random.randint(lowest, highest))


_REPORTED = 3
_OLDEST_ENDS = (30, None, None, -2, 90, 200)
_SPANS = ((0, 45), (0, 45), (-300, -1), (46, 700))

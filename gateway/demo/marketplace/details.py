"""Values of a resource's columns: name, limits, cost, usages, attributes, options, report."""

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from gateway.db.tables.codes import BillingType
from gateway.demo.marketplace.offerings import DemoOffering
from gateway.demo.marketplace.placement import ResourcePlacement
from gateway.demo.marketplace.prices import PricedPlan
from gateway.demo.marketplace.questions import generate_answers
from gateway.demo.marketplace.rows import RowWriter

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


def generate_name(random: Random, number: int) -> str:
    """Return a name for a resource; one in fifty has no number and may not be unique."""
    words = f"{random.choice(_SUBJECTS)}-{random.choice(_PURPOSES)}"
    return words if number % 50 == 49 else f"{words}-{number + 1:03}"  # noqa: PLR2004


def generate_limits(random: Random, offering: DemoOffering) -> dict[str, int]:
    """Return a limit within its bounds for each limited component."""
    limits = {}
    for component in offering.limited_components:
        min_value, max_value = component.bounds
        limit = max(random.randint(1, 200) * component.factor, min_value or 0)
        limits[component.component_type] = limit if max_value is None else min(limit, max_value)
    return limits


def estimate_cost(
    offering: DemoOffering, plan: PricedPlan | None, limits: dict[str, int]
) -> Decimal | None:
    """Return the estimated cost per unit of the plan (domain.md §3.4); None without a plan."""
    if plan is None:
        return None
    component_costs = (
        plan.prices[each.component_type] * limits[each.component_type] / each.factor
        for each in offering.limited_components
    )
    return plan.unit_price + sum(component_costs, Decimal())


def generate_usages(
    random: Random, offering: DemoOffering, limits: dict[str, int]
) -> dict[str, float]:
    """Return the current usage of each metered component."""
    metered_components = [
        each
        for each in offering.spec.kind.components
        if each.billing_type in {BillingType.USAGE, BillingType.LIMIT}
    ]
    return {
        each.component_type: round(limits.get(each.component_type, 100) * random.random(), 2)
        for each in metered_components
    }


def generate_attributes(
    random: Random, placement: ResourcePlacement, resource_name: str
) -> dict[str, Any]:
    """Return the attributes of the order that created the resource, secrets included."""
    attributes = {
        "name": resource_name,
        **generate_answers(placement.offering.spec.options, random),
    }
    match placement.offering.spec.kind.offering_type:
        case "OpenStack.Tenant":
            attributes |= {"subnet_cidr": "192.168.42.0/24", "user_username": "secret-name"}
            attributes |= {"user_password": "secret-password"}
        case "OpenStack.Instance":
            attributes |= {"flavor": "m2.standard", "system_volume_size": 20480}
        case "Marketplace.Booking":
            attributes |= {
                "schedules": [{"start": "2026-03-02T08:00:00Z", "end": "2026-03-02T16:00:00Z"}]
            }
    return attributes


def generate_backend_metadata(
    random: Random, placement: ResourcePlacement, resource_name: str
) -> dict[str, Any]:
    """Return the metadata that the backend reports."""
    match placement.offering.spec.kind.offering_type:
        case "OpenStack.Instance":
            runtime_state = random.choice(("ACTIVE", "SHUTOFF"))
            return {
                "state": "OK",
                "runtime_state": runtime_state,
                "action": "",
                "instance_name": resource_name,
            }
        case "Marketplace.Slurm":
            return {"runtime_state": random.choice(("active", "draining")), "state": "OK"}
        case _:
            return {}


def generate_options(random: Random, offering: DemoOffering) -> dict[str, Any] | None:
    """Return the values of the resource options; None if the offering has no such options."""
    questions = offering.spec.resource_options
    return generate_answers(questions, random) if questions else None


def generate_report(random: Random, number: int) -> list[dict[str, str]] | None:
    """Return the provider's report; None for nine resources in ten."""
    if number % 10 != _REPORT_REMAINDER:
        return None
    jobs = random.randrange(5000)
    return [
        {"header": "Jobs", "body": f"{jobs} jobs ended, {jobs // 50} of them early."},
        {"header": "Advice", "body": "Ask for less memory."},
    ]


def choose_end_date(writer: RowWriter, number: int, offering: DemoOffering) -> date | None:
    """Return the end date of a resource: near, past, far, or None."""
    if number < len(_OLDEST_END_DAYS):
        days = _OLDEST_END_DAYS[number]
        return None if days is None else writer.days_ahead(days)
    if not offering.is_prepaid and writer.draw_chance(0.35):
        return None
    min_days, max_days = writer.random.choice(_END_DAY_RANGES)
    return writer.days_ahead(writer.random.randint(min_days, max_days))


_REPORT_REMAINDER = 3
_OLDEST_END_DAYS = (30, None, None, -2, 90, 200)
_END_DAY_RANGES = ((0, 45), (0, 45), (-300, -1), (46, 700))

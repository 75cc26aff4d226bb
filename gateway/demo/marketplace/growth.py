"""What joined the marketplace after it began: as much as suits its number of resources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.demo.marketplace import (
    accounts,
    casting,
    customers,
    offerings,
    partitions,
    people,
    projects,
)
from gateway.demo.marketplace.customers import Customers, Organisation
from gateway.demo.marketplace.market import Market
from gateway.demo.marketplace.newer_offers import NEWER
from gateway.demo.marketplace.projects import Project
from gateway.demo.marketplace.roles import Grants
from gateway.demo.marketplace.rows import Rows

_SMALL = 600
"""A marketplace of so many resources has nobody but people with a name of their own."""
_PER_ORGANISATION, _PER_PROJECT, _PER_PERSON = 4000, 100, 200
"""So many resources beyond those bring one more of each."""
_TOWNS = ("Aldersund", "Birkestad", "Collmark", "Dunhaven", "Elverby", "Fossnes", "Gramholm")
_SORTS = {
    "University": "Universities",
    "Institute of Technology": "Universities",
    "Research Hospital": "Institutes",
    "Observatory": "Institutes",
    "Robotics": "Industry",
    "Foods": "Industry",
}
"""What organisations are, and in which group that puts them."""
_METHODS = ("Adaptive", "Bayesian", "Comparative", "Dynamic", "Federated", "Inverse", "Multiscale")
_THEMES = ("aerosols", "enzymes", "dialects", "glaciers", "harvests", "magnets", "tides", "vaults")


@dataclass(frozen=True)
class Beginning:
    """The marketplace as it began, with its people and the categories of what is offered."""

    market: Market
    users: Mapping[str, int]
    grants: Grants
    titles: Mapping[str, int]


def add(rows: Rows, began: Beginning, count: int) -> Market:
    """Add people, organisations, projects and offerings, and give all that there are then."""
    beyond = max(0, count - _SMALL)
    joined = people.join(rows, beyond // _PER_PERSON)
    users = {**began.users, **joined}
    known = _organisations(rows, began, users, beyond // _PER_ORGANISATION)
    works = _projects(rows, began, users, known, beyond // _PER_PROJECT)
    every = [*began.market.projects, *works]
    casting.joined(rows, users, began.grants, works)
    older = began.market.offerings
    with rows.apart("offerings"):
        offered = offerings.add(rows, NEWER, known, every, began.titles, older)
        partitions.add(rows, offered, partitions.newer_software(rows)[::-1])
    accounts.add(rows, users, offered, every, accounts.EVERY)
    return Market(known, every, [*older, *offered])


def _organisations(rows: Rows, began: Beginning, users: Mapping[str, int], count: int) -> Customers:
    """Add those with a name of their own, and so many others."""
    others = [
        Organisation(name.lower().replace(" ", "-"), name, "NO", owner, (group,))
        for (name, group), owner in zip(_names(count), reversed(list(users)), strict=False)
    ]
    everybody = (*customers.NEWER, *others)
    return customers.join(rows, users, began.grants, began.market.customers, everybody)


def _names(count: int) -> list[tuple[str, str]]:
    names = [(f"{town} {sort}", group) for sort, group in _SORTS.items() for town in _TOWNS]
    return names[:count]


def _projects(
    rows: Rows, began: Beginning, users: Mapping[str, int], known: Customers, count: int
) -> list[Project]:
    """Add those with a name of their own, and so many others."""
    found = projects.add(rows, users, known, began.grants, projects.NEWER)
    generated: dict[str, list[str]] = {}
    consumers: Sequence[str] = sorted(known.consumers)
    for number in range(count):
        method, theme = rows.random.choice(_METHODS), rows.random.choice(_THEMES)
        name = f"{method} study of {theme} {number + 1}"
        generated.setdefault(rows.random.choice(consumers), []).append(name)
    return found + projects.add(rows, users, known, began.grants, generated)

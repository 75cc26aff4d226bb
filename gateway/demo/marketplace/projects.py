"""The projects of the demo marketplace, and who works in them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gateway.db import tables
from gateway.demo.marketplace.customers import Customers
from gateway.demo.marketplace.people import DEMO
from gateway.demo.marketplace.roles import Grants
from gateway.demo.marketplace.rows import Rows

NAMES = {
    "vesterlund": (
        "Regional climate ensembles",
        "Protein folding at scale",
        "Digital humanities archive",
        "Quantum materials",
        "Language models for Nordic languages",
        "Urban traffic simulation",
        "Teaching cluster",
    ),
    "halden": ("Ocean currents", "Fish stock forecasting", "Deep sea imaging", "Tidal energy"),
    "kirkwood": ("Rare variant atlas", "Pipeline development", "Clinical pilot", "Crop genomes"),
    "tromvik": ("Sea ice monitoring", "Ice core archive", "Aurora observations"),
    "lindgaard": ("Wind farm wakes", "Battery chemistry", "Grid stability"),
    "saltholm": ("Student robotics", "Introductory bioinformatics"),
    "northgate": ("Warehouse perception", "Gripper control"),
    "harbour": ("Shipwreck photogrammetry",),
    "aurora": ("Aurora operations", "Benchmarking"),
    "meridian": ("Meridian internal",),
}
NEWER = {
    "bryggen": ("Timber ship reconstruction", "Runic inscriptions"),
    "emajoe": ("Spoken corpus", "Machine translation of small languages"),
    "skagen": ("Radio sky survey", "Pulsar timing", "Exoplanet transits"),
}
"""Those of organisations that joined later."""
_DATES: Mapping[str, dict[str, Any]] = {
    "Regional climate ensembles": {"ends": 120, "asked": "manager"},
    "Quantum materials": {"ends": -5, "grace_period_days": 30, "asked": "owner"},
    "Ocean currents": {"ends": 20, "asked": "dagny.brandvik"},
    "Rare variant atlas": {"ends": 400},
    "Clinical pilot": {"ends": -60},
    "Sea ice monitoring": {"ends": -3, "asked": "emil.estrada"},
    "Grid stability": {"ends": 0},
    "Gripper control": {"ends": -400, "is_removed": True},
    "Exoplanet transits": {"starts": 21, "ends": 700},
    "Runic inscriptions": {"ends": -12, "grace_period_days": 40, "asked": "rasmus.veld"},
    "Spoken corpus": {"ends": 45, "asked": "tuuli.oja", "max_service_accounts": 3},
}
"""Days from the reference day to the start and the end, and who asked for it, where it is known."""
_DEMO_TEAMS = {
    "Regional climate ensembles": (
        ("manager", "MANAGER"),
        ("admin", "ADMIN"),
        ("member", "MEMBER"),
    ),
    "Protein folding at scale": (("manager", "MANAGER"), ("short_lived", "MEMBER")),
    "Digital humanities archive": (("dual", "MANAGER"),),
    "Ocean currents": (("admin", "ADMIN"),),
}


@dataclass(frozen=True)
class Project:
    """A project with what its resources and orders need to know of it."""

    key: int
    uuid: str
    name: str
    customer: str
    groups: Sequence[str] | None
    """The groups whose offerings it may order from; none of a provider's own may order at all."""
    team: Sequence[int]


def add(
    rows: Rows,
    users: Mapping[str, int],
    customers: Customers,
    grants: Grants,
    names: Mapping[str, Sequence[str]],
) -> list[Project]:
    """Add the projects of those names, by organisation, with their teams."""
    free = [key for key in users.values() if key > len(DEMO)]
    projects = []
    for customer, name in _named(names):
        uuid = rows.uuid()
        key = _add(rows, name, uuid, customers.keys[customer], users)
        team = list(_team(rows, name, users, free))
        for user, role in team:
            grants.add(user, role, key)
        groups, members = customers.consumers.get(customer), [user for user, _ in team]
        projects.append(Project(key, uuid, name, customer, groups, members))
    return projects


def _named(names: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    return ((customer, name) for customer, named in names.items() for name in named)


def _add(rows: Rows, name: str, uuid: str, customer: int, users: Mapping[str, int]) -> int:
    traits = dict(_DATES.get(name, {}))
    starts, ends, asked = (traits.pop(each, None) for each in ("starts", "ends", "asked"))
    return rows.add(
        tables.project,
        uuid=uuid,
        name=name,
        slug="-".join(name.lower().split())[:50],
        description=f"{name}: a demo project.",
        customer_id=customer,
        start_date=rows.ahead(-800 if starts is None else starts),
        end_date=None if ends is None else rows.ahead(ends),
        end_date_requested_by_id=asked and users[asked],
        oecd_fos_2007_code=rows.random.choice(("1.5", "2.3", "1.6", None)),
        kind="default",
        is_industry=rows.chance(0.2),
        user_email_patterns=[],
        user_affiliations=[],
        user_identity_sources=[],
        created=rows.ago(rows.random.randrange(760, 800)),
        **traits,
    )


def _team(
    rows: Rows, name: str, users: Mapping[str, int], free: Sequence[int]
) -> Iterator[tuple[int, str]]:
    for username, role in _DEMO_TEAMS.get(name, ()):
        yield users[username], f"PROJECT.{role}"
    others = rows.random.sample(free, rows.random.randrange(2, 6))
    yield others[0], "PROJECT.MANAGER"
    for user in islice(others, 1, None):
        yield user, rows.random.choice(("PROJECT.ADMIN", "PROJECT.MEMBER"))

"""Projects of the demo marketplace and their teams."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gateway.db import tables
from gateway.demo.marketplace.customers import DemoCustomers
from gateway.demo.marketplace.people import DEMO_PEOPLE
from gateway.demo.marketplace.roles import RoleGranter
from gateway.demo.marketplace.rows import RowWriter

PROJECT_NAMES = {
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
NEWER_PROJECT_NAMES = {
    "bryggen": ("Timber ship reconstruction", "Runic inscriptions"),
    "emajoe": ("Spoken corpus", "Machine translation of small languages"),
    "skagen": ("Radio sky survey", "Pulsar timing", "Exoplanet transits"),
}
"""Projects of the organisations that joined later, by the organisation's slug."""
_PROJECT_DATES: Mapping[str, dict[str, Any]] = {
    "Regional climate ensembles": {"ends": 120, "end_requested_by": "manager"},
    "Quantum materials": {"ends": -5, "grace_period_days": 30, "end_requested_by": "owner"},
    "Ocean currents": {"ends": 20, "end_requested_by": "dagny.brandvik"},
    "Rare variant atlas": {"ends": 400},
    "Clinical pilot": {"ends": -60},
    "Sea ice monitoring": {"ends": -3, "end_requested_by": "emil.estrada"},
    "Grid stability": {"ends": 0},
    "Gripper control": {"ends": -400, "is_removed": True},
    "Exoplanet transits": {"starts": 21, "ends": 700},
    "Runic inscriptions": {"ends": -12, "grace_period_days": 40, "end_requested_by": "rasmus.veld"},
    "Spoken corpus": {"ends": 45, "end_requested_by": "tuuli.oja", "max_service_accounts": 3},
}
"""Unusual columns of projects, by name.

`starts` and `ends` are days from the reference day, `end_requested_by` is a username.
"""
_AUTO_APPROVED_COSTS = {"Ocean currents": 400}
"""Monthly costs in EUR up to which orders need no approval by the consumer, by project."""
_NAMED_TEAMS = {
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
class DemoProject:
    """Project with its groups and members, for its resources and orders."""

    key: int
    uuid: str
    name: str
    customer_slug: str
    groups: Sequence[str] | None
    """Groups of its organisation; None for a provider's project."""
    member_ids: Sequence[int]


def add_projects(
    writer: RowWriter,
    users: Mapping[str, int],
    customers: DemoCustomers,
    grants: RoleGranter,
    names: Mapping[str, Sequence[str]],
) -> list[DemoProject]:
    """Add projects with their teams; `names` has the names of projects by organisation."""
    unnamed_user_ids = [user_id for user_id in users.values() if user_id > len(DEMO_PEOPLE)]
    projects = []
    for customer_slug, name in _list_names(names):
        uuid = writer.generate_uuid()
        project_id = _add_project(writer, name, uuid, customers.customer_ids[customer_slug], users)
        role_grants = list(_draw_team(writer, name, users, unnamed_user_ids))
        for user_id, role in role_grants:
            grants.grant_role(user_id, role, project_id)
        groups = customers.consumer_groups.get(customer_slug)
        member_ids = [user_id for user_id, _ in role_grants]
        projects.append(DemoProject(project_id, uuid, name, customer_slug, groups, member_ids))
    return projects


def add_auto_approval_rules(
    writer: RowWriter, projects: Sequence[DemoProject], owner_ids: Mapping[str, int]
) -> None:
    """Add the rules that approve orders of projects; `owner_ids` are those of organisations."""
    for project in projects:
        if project.name in _AUTO_APPROVED_COSTS:
            writer.add_row(
                tables.project_order_auto_approval,
                project_id=project.key,
                monthly_cost_limit=_AUTO_APPROVED_COSTS[project.name],
                enabled=True,
                created_by_id=owner_ids[project.customer_slug],
                created=writer.days_ago(30),
            )


def _list_names(names: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    return (
        (customer_slug, name)
        for customer_slug, project_names in names.items()
        for name in project_names
    )


def _add_project(
    writer: RowWriter, name: str, uuid: str, customer_id: int, users: Mapping[str, int]
) -> int:
    extra_columns = dict(_PROJECT_DATES.get(name, {}))
    start_days, end_days, requested_by = (
        extra_columns.pop(each, None) for each in ("starts", "ends", "end_requested_by")
    )
    return writer.add_row(
        tables.project,
        uuid=uuid,
        name=name,
        slug="-".join(name.lower().split())[:50],
        description=f"{name}: a demo project.",
        customer_id=customer_id,
        start_date=writer.days_ahead(-800 if start_days is None else start_days),
        end_date=None if end_days is None else writer.days_ahead(end_days),
        end_date_requested_by_id=requested_by and users[requested_by],
        oecd_fos_2007_code=writer.random.choice(("1.5", "2.3", "1.6", None)),
        kind="default",
        is_industry=writer.draw_chance(0.2),
        user_email_patterns=[],
        user_affiliations=[],
        user_identity_sources=[],
        created=writer.days_ago(writer.random.randrange(760, 800)),
        **extra_columns,
    )


def _draw_team(
    writer: RowWriter, name: str, users: Mapping[str, int], unnamed_user_ids: Sequence[int]
) -> Iterator[tuple[int, str]]:
    for username, role in _NAMED_TEAMS.get(name, ()):
        yield users[username], f"PROJECT.{role}"
    drawn_user_ids = writer.random.sample(unnamed_user_ids, writer.random.randrange(2, 6))
    yield drawn_user_ids[0], "PROJECT.MANAGER"
    for user_id in islice(drawn_user_ids, 1, None):
        yield user_id, writer.random.choice(("PROJECT.ADMIN", "PROJECT.MEMBER"))

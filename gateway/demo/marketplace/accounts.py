"""The accounts of people and machines in offerings."""

from collections.abc import Iterable, Mapping, Sequence

from gateway.db import tables
from gateway.demo.marketplace import terms
from gateway.demo.marketplace.offerings import Offering
from gateway.demo.marketplace.projects import Project
from gateway.demo.marketplace.resources import Resource
from gateway.demo.marketplace.rows import Rows

ASKED, CREATING, LINKING, VALIDATING, OK = range(1, 6)
USUAL = (OK, OK, OK, ASKED, LINKING, 8)
EVERY = range(1, 11)
"""The states of accounts, to choose from (domain.md §2.12)."""
_SAID = {
    LINKING: "Please link your account first.",
    VALIDATING: "We need a copy of your contract.",
    9: "The name is taken.",
    10: "There are jobs running.",
}
"""What the provider says about an account."""
_RUNTIME = {
    LINKING: "Pending account linking",
    VALIDATING: "Pending additional validation",
}
_ROBOTS = 10
_GROUPED = 8
"""So many projects have groups of their own in an offering."""
_ROBOT_TYPES = ("cicd", "bot", "sync")
_ROBOT_STATES = (3, 3, 1, 2, 4, 5, 6)


def add(
    rows: Rows,
    users: Mapping[str, int],
    offerings: Iterable[Offering],
    projects: Iterable[Project],
    states: Sequence[int],
) -> None:
    """Add accounts where people log in, groups for projects, and terms where they are asked for."""
    members = {user for project in projects for user in project.team}
    names = {key: username for username, key in users.items() if key in members}
    for offering in offerings:
        if offering.offer.partitions:
            rows.add(
                tables.offering_user_role,
                name="Principal investigator",
                offering_id=offering.key,
                scope_type="project",
                scope_type_label="Project",
            )
            _logins(rows, names, offering, states)
            _group(rows, offering, projects)
        terms.add(rows, users, offering)


def robot(rows: Rows, resource: Resource) -> None:
    """Add a robot account to a resource, if it is among the first."""
    if resource.key > _ROBOTS:
        return
    account = rows.add(
        tables.robot_account,
        resource_id=resource.key,
        type=_ROBOT_TYPES[resource.key % len(_ROBOT_TYPES)],
        username=f"robot-{resource.key}",
        keys=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGRlbW8 robot"],
        responsible_user_id=resource.orderer,
        state=_ROBOT_STATES[resource.key % len(_ROBOT_STATES)],
        backend_id=f"robot-{resource.key}",
        backend_metadata={
            "uidnumber": 90000 + resource.key,
            "primarygroup": 90000 + resource.key,
            "homeDir": f"/home/robot-{resource.key}",
        },
        created=resource.created,
    )
    rows.add(tables.robot_account_user, robotaccount_id=account, user_id=resource.orderer)


def sub_project(rows: Rows, resource: Resource) -> None:
    """Part a resource among its users, if it is among the first."""
    if resource.key <= _ROBOTS:
        rows.add(
            tables.resource_project,
            name=f"Part of {resource.name}",
            resource_id=resource.key,
            state=2,
            created=resource.created,
        )


def _logins(
    rows: Rows, names: Mapping[int, str], offering: Offering, states: Sequence[int]
) -> None:
    for user, name in sorted(names.items()):
        if rows.chance(0.7) or name == "manager":
            state = rows.random.choice(states)
            login = f"{name.replace('.', '')[:8]}{user}"
            rows.add(
                tables.offering_user,
                offering_id=offering.key,
                user_id=user,
                username=login if state == OK else None,
                state=state,
                runtime_state=_RUNTIME.get(state, "Active"),
                service_provider_comment=_SAID.get(state, ""),
                service_provider_comment_url="https://example.org/faq" if state in _SAID else "",
                backend_metadata={
                    "uidnumber": 5000 + user,
                    "primarygroup": 20000 + user,
                    "loginShell": "/bin/bash",
                    "homeDir": f"/home/{login}",
                },
                created=rows.ago(600),
            )


def _group(rows: Rows, offering: Offering, projects: Iterable[Project]) -> None:
    for project in list(projects)[:_GROUPED]:
        key = rows.add(
            tables.offering_user_group,
            offering_id=offering.key,
            backend_metadata={"gid": 7000 + project.key},
            created=rows.ago(600),
        )
        rows.add(
            tables.offering_user_group_project, offeringusergroup_id=key, project_id=project.key
        )

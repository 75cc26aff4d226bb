"""The accounts of people in offerings, and the terms that they agreed to."""

from collections.abc import Iterable, Mapping

from gateway.db import tables
from gateway.demo.marketplace.offerings import Offering
from gateway.demo.marketplace.projects import Project
from gateway.demo.marketplace.resources import Resource
from gateway.demo.marketplace.rows import Rows

_AGREED = {"owner": "2.0", "manager": "2.0", "admin": "1.0", "reader": "2.0"}
"""The version of the terms that people agreed to; the others never did."""
_ROBOTS = 10


def add(
    rows: Rows,
    users: Mapping[str, int],
    offerings: Iterable[Offering],
    projects: Iterable[Project],
) -> None:
    """Add accounts where people log in, groups for projects, and terms where they are asked for."""
    members = sorted({user for project in projects for user in project.team})
    for offering in offerings:
        if offering.offer.partitions:
            _logins(rows, users, offering, members)
            _group(rows, offering, projects)
        if "service_provider_can_create_offering_user" in offering.offer.plugin_options:
            _terms(rows, users, offering)


def robot(rows: Rows, resource: Resource) -> None:
    """Add a robot account to a resource, if it is among the first."""
    if resource.key > _ROBOTS:
        return
    account = rows.add(
        tables.robot_account,
        resource_id=resource.key,
        type="cicd",
        username=f"robot-{resource.key}",
        keys=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGRlbW8 robot"],
        responsible_user_id=resource.orderer,
        state=3,
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
    rows: Rows, users: Mapping[str, int], offering: Offering, members: Iterable[int]
) -> None:
    names = {key: username for username, key in users.items()}
    rows.add(tables.offering_user_role, name="Principal investigator", offering_id=offering.key)
    for user in members:
        if rows.chance(0.7) or names[user] == "manager":
            state = rows.random.choice((5, 5, 5, 1, 3, 8))
            rows.add(
                tables.offering_user,
                offering_id=offering.key,
                user_id=user,
                username=f"{names[user].replace('.', '')[:8]}{user}" if state == 5 else None,  # noqa: PLR2004
                state=state,
                runtime_state="Active",
                backend_metadata={"uidnumber": 5000 + user, "primarygroup": 6000},
                created=rows.ago(600),
            )


def _group(rows: Rows, offering: Offering, projects: Iterable[Project]) -> None:
    for project in list(projects)[:2]:
        key = rows.add(
            tables.offering_user_group,
            offering_id=offering.key,
            backend_metadata={"gid": 7000 + project.key},
            created=rows.ago(600),
        )
        rows.add(
            tables.offering_user_group_project, offeringusergroup_id=key, project_id=project.key
        )


def _terms(rows: Rows, users: Mapping[str, int], offering: Offering) -> None:
    for version, active in (("1.0", False), ("2.0", True)):
        rows.add(
            tables.terms_of_service,
            offering_id=offering.key,
            terms_of_service=f"<p>Terms of {offering.offer.name}, version {version}.</p>",
            terms_of_service_link="https://example.org/terms",
            version=version,
            is_active=active,
            requires_reconsent=True,
            grace_period_days=60,
            created=rows.ago(400 if active else 700),
        )
    for username, version in _AGREED.items():
        rows.add(
            tables.consent,
            user_id=users[username],
            offering_id=offering.key,
            version=version,
            agreement_date=rows.ago(300),
            revocation_date=rows.ago(10) if username == "reader" else None,
            created=rows.ago(300),
        )

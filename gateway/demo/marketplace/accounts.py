"""Accounts in offerings: offering users, user groups, robot accounts."""

from collections.abc import Iterable, Mapping, Sequence

from gateway.db import tables
from gateway.db.tables.codes import OfferingUserState, ResourceState, RobotAccountState
from gateway.demo.marketplace import terms
from gateway.demo.marketplace.offerings import DemoOffering
from gateway.demo.marketplace.projects import DemoProject
from gateway.demo.marketplace.resources import DemoResource
from gateway.demo.marketplace.rows import RowWriter

COMMON_STATES = (
    *(OfferingUserState.OK,) * 3,
    OfferingUserState.REQUESTED,
    OfferingUserState.PENDING_ACCOUNT_LINKING,
    OfferingUserState.DELETED,
)
ALL_STATES = tuple(OfferingUserState)
"""States of offering users (domain.md §2.12), to draw from."""
_PROVIDER_COMMENTS = {
    OfferingUserState.PENDING_ACCOUNT_LINKING: "Please link your account first.",
    OfferingUserState.PENDING_ADDITIONAL_VALIDATION: "We need a copy of your contract.",
    OfferingUserState.ERROR_CREATING: "The name is taken.",
    OfferingUserState.ERROR_DELETING: "There are jobs running.",
}
"""Comments of the provider, by the state of the account."""
_RUNTIME_STATES = {
    OfferingUserState.PENDING_ACCOUNT_LINKING: "Pending account linking",
    OfferingUserState.PENDING_ADDITIONAL_VALIDATION: "Pending additional validation",
}
_ROBOT_ACCOUNT_COUNT = 10
_GROUPED_PROJECT_COUNT = 8
"""Number of projects that have a user group in an offering."""
_ROBOT_TYPES = ("cicd", "bot", "sync")
_ROBOT_STATES = (
    *(RobotAccountState.OK,) * 2,
    *(each for each in RobotAccountState if each is not RobotAccountState.OK),
)


def add_accounts(
    writer: RowWriter,
    users: Mapping[str, int],
    offerings: Iterable[DemoOffering],
    projects: Iterable[DemoProject],
    states: Sequence[OfferingUserState],
) -> None:
    """Add accounts and groups to offerings with partitions, and terms of service with consents."""
    member_ids = {user for project in projects for user in project.member_ids}
    usernames = {key: username for username, key in users.items() if key in member_ids}
    for offering in offerings:
        if offering.spec.partitions:
            writer.add_row(
                tables.offering_user_role,
                name="Principal investigator",
                offering_id=offering.key,
                scope_type="project",
                scope_type_label="Project",
            )
            _add_offering_users(writer, usernames, offering, states)
            _add_user_groups(writer, offering, projects)
        terms.add_terms(writer, users, offering)


def add_robot_account(writer: RowWriter, resource: DemoResource) -> None:
    """Add a robot account to a resource, if it is one of the first."""
    if resource.key > _ROBOT_ACCOUNT_COUNT:
        return
    account_id = writer.add_row(
        tables.robot_account,
        resource_id=resource.key,
        type=_ROBOT_TYPES[resource.key % len(_ROBOT_TYPES)],
        username=f"robot-{resource.key}",
        keys=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGRlbW8 robot"],
        responsible_user_id=resource.ordered_by,
        state=_ROBOT_STATES[resource.key % len(_ROBOT_STATES)],
        backend_id=f"robot-{resource.key}",
        backend_metadata={
            "uidnumber": 90000 + resource.key,
            "primarygroup": 90000 + resource.key,
            "homeDir": f"/home/robot-{resource.key}",
        },
        created=resource.created,
    )
    writer.add_row(
        tables.robot_account_user, robotaccount_id=account_id, user_id=resource.ordered_by
    )


def add_resource_project(writer: RowWriter, resource: DemoResource) -> None:
    """Add a project within a resource, if it is one of the first."""
    if resource.key <= _ROBOT_ACCOUNT_COUNT:
        writer.add_row(
            tables.resource_project,
            name=f"Part of {resource.name}",
            resource_id=resource.key,
            state=ResourceState.OK,
            created=resource.created,
        )


def _add_offering_users(
    writer: RowWriter,
    usernames: Mapping[int, str],
    offering: DemoOffering,
    states: Sequence[OfferingUserState],
) -> None:
    for user_id, username in sorted(usernames.items()):
        if writer.draw_chance(0.7) or username == "manager":
            state = writer.random.choice(states)
            login = f"{username.replace('.', '')[:8]}{user_id}"
            writer.add_row(
                tables.offering_user,
                offering_id=offering.key,
                user_id=user_id,
                username=login if state == OfferingUserState.OK else None,
                state=state,
                runtime_state=_RUNTIME_STATES.get(state, "Active"),
                service_provider_comment=_PROVIDER_COMMENTS.get(state, ""),
                service_provider_comment_url="https://example.org/faq"
                if state in _PROVIDER_COMMENTS
                else "",
                backend_metadata={
                    "uidnumber": 5000 + user_id,
                    "primarygroup": 20000 + user_id,
                    "loginShell": "/bin/bash",
                    "homeDir": f"/home/{login}",
                },
                created=writer.days_ago(600),
            )


def _add_user_groups(
    writer: RowWriter, offering: DemoOffering, projects: Iterable[DemoProject]
) -> None:
    for project in list(projects)[:_GROUPED_PROJECT_COUNT]:
        group_id = writer.add_row(
            tables.offering_user_group,
            offering_id=offering.key,
            backend_metadata={"gid": 7000 + project.key},
            created=writer.days_ago(600),
        )
        writer.add_row(
            tables.offering_user_group_project,
            offeringusergroup_id=group_id,
            project_id=project.key,
        )

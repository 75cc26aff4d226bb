"""The event log: what happened to resources; its contexts hold secrets (domain.md §7.1)."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from gateway.db import tables
from gateway.demo.marketplace import kinds
from gateway.demo.marketplace.resources import (
    CREATING,
    ERRED,
    OK,
    TERMINATED,
    TERMINATING,
    UPDATING,
    Resource,
)
from gateway.demo.marketplace.rows import Rows

_STATES = {
    CREATING: "Creating",
    OK: "OK",
    ERRED: "Erred",
    UPDATING: "Updating",
    TERMINATING: "Terminating",
    TERMINATED: "Terminated",
}
_ENDED = {
    OK: ("create_succeeded", "has been created"),
    ERRED: ("erred_on_backend", "has erred on the backend"),
    UPDATING: ("update_requested", "is to be updated"),
    TERMINATING: ("terminate_requested", "is to be terminated"),
    TERMINATED: ("terminate_succeeded", "has been terminated"),
}
"""What happened last to resources, by their state."""


class Happening(NamedTuple):
    """What happened to a resource, and when."""

    kind: str
    words: str
    at: datetime


def add(rows: Rows, resource: Resource) -> None:
    """Add to the event log what happened to a resource."""
    for each in _happenings(rows, resource):
        key = rows.add(
            tables.event,
            created=each.at,
            event_type=f"marketplace_resource_{each.kind}",
            message=f"Resource {resource.name} {each.words}.",
            context={
                "resource_uuid": resource.uuid,
                "resource_name": resource.name,
                "resource_get_state_display": _STATES[resource.state],
                "resource_limits": resource.limits,
                "resource_attributes": {"user_password": "secret-log"},
            },
        )
        _feed(rows, resource, key)


def _happenings(rows: Rows, resource: Resource) -> Iterator[Happening]:
    yield Happening("create_requested", "has been ordered", resource.created)
    if resource.state in _ENDED:
        lived = rows.ago(0) - resource.created
        changed = "has been changed: field 'name': from draft"
        yield Happening("has_been_changed", changed, resource.created + lived / 2)
        yield Happening(*_ENDED[resource.state], resource.created + lived * 0.95)


def _feed(rows: Rows, resource: Resource, event: int) -> None:
    """Say whose log the event stands in."""
    project = resource.place.project
    for kind, scope in ((kinds.RESOURCE, resource.key), (kinds.PROJECT, project.key)):
        rows.add(tables.event_feed, event_id=event, content_type_id=kind, object_id=scope)

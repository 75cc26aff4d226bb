"""Event log of resources; the contexts of its events contain secrets (domain.md §7.1)."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from gateway.db import tables
from gateway.db.tables.codes import ResourceState
from gateway.demo.marketplace import kinds
from gateway.demo.marketplace.resources import DemoResource
from gateway.demo.marketplace.rows import RowWriter

_STATE_NAMES = {
    ResourceState.CREATING: "Creating",
    ResourceState.OK: "OK",
    ResourceState.ERRED: "Erred",
    ResourceState.UPDATING: "Updating",
    ResourceState.TERMINATING: "Terminating",
    ResourceState.TERMINATED: "Terminated",
}
_CHANGE_TEMPLATE = "Marketplace resource '{{name}}' has been changed. Field {}."
_FINAL_EVENTS = {
    ResourceState.OK: ("create_succeeded", "Resource {name} has been created."),
    ResourceState.ERRED: ("erred_on_backend", "Resource {name} got error on backend."),
    ResourceState.UPDATING: (
        "update_succeeded",
        _CHANGE_TEMPLATE.format("'state': from OK to Updating"),
    ),
    ResourceState.TERMINATING: (
        "update_succeeded",
        _CHANGE_TEMPLATE.format("'state': from OK to Terminating"),
    ),
    ResourceState.TERMINATED: ("terminate_succeeded", "Resource {name} has been deleted."),
}
"""Type and message of a resource's last event, by its state."""


class LogEntry(NamedTuple):
    """Event of a resource: its type, message (with `{name}`) and time."""

    event: str
    message: str
    created: datetime


def add_log_entries(writer: RowWriter, resource: DemoResource) -> None:
    """Add the events of a resource to the log."""
    for entry in _generate_entries(writer, resource):
        event_id = writer.add_row(
            tables.event,
            created=entry.created,
            event_type=f"marketplace_resource_{entry.event}",
            message=entry.message.replace("{name}", resource.name),
            context={
                "resource_uuid": resource.uuid,
                "resource_name": resource.name,
                "resource_get_state_display": _STATE_NAMES[resource.state],
                "resource_limits": resource.limits,
                "resource_attributes": {"user_password": "secret-log"},
            },
        )
        _add_feeds(writer, resource, event_id)


def _generate_entries(writer: RowWriter, resource: DemoResource) -> Iterator[LogEntry]:
    request_message = "Resource {name} creation has been requested."
    yield LogEntry("create_requested", request_message, resource.created)
    if resource.state in _FINAL_EVENTS:
        lifetime = writer.days_ago(0) - resource.created
        change_message = _CHANGE_TEMPLATE.format("'name': from draft to {name}")
        yield LogEntry("update_succeeded", change_message, resource.created + lifetime / 2)
        yield LogEntry(*_FINAL_EVENTS[resource.state], resource.created + lifetime * 0.95)


def _add_feeds(writer: RowWriter, resource: DemoResource, event_id: int) -> None:
    """Add the event to the logs of the resource and its project."""
    project = resource.placement.project
    for content_type_id, object_id in (
        (kinds.RESOURCE, resource.key),
        (kinds.PROJECT, project.key),
    ):
        writer.add_row(
            tables.event_feed,
            event_id=event_id,
            content_type_id=content_type_id,
            object_id=object_id,
        )

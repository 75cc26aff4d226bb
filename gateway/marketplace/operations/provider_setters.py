"""What providers and their agents set: identifiers, metadata, state and others (rules.md §1)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.db import tables
from gateway.db.tables.codes import BackendState, BillingType, ResourceState
from gateway.db.views.backend_objects import find_backend_table
from gateway.marketplace.billing.renewal_pricing import parse_limit
from gateway.marketplace.operation_rules import ResourceOperation
from gateway.marketplace.operations.backend_id_rules import check_backend_id_rules
from gateway.marketplace.operations.setter import ResourceChange, declare_setter
from gateway.marketplace.problems import (
    InvalidField,
    build_invalid_field,
    build_invalid_input,
    describe_value,
    raise_problem,
)
from gateway.marketplace.rows import ComponentRow, EndpointRow, ResourceRow, SlurmUsagePolicyRow
from gateway.marketplace.states import check_state
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.text_values import find_text_problem, raise_invalid_fields

MAX_LIST_ITEMS = 100
"""Endpoints of a resource, and sections of a report, at most."""
ENDPOINT_SCHEMES = ("http", "https", "ssh", "ldap", "ldaps", "rdp")
_STATES_BEFORE_OK = (
    ResourceState.ERRED,
    ResourceState.CREATING,
    ResourceState.UPDATING,
    ResourceState.TERMINATING,
)
_MAX_IDENTIFIER_CHARS, _MAX_NAME_CHARS, _MAX_URL_CHARS = 255, 150, 200
TextFields = Mapping[str, str]
"""An input object whose fields are texts."""


@declare_setter(ResourceOperation.SET_RESOURCE_BACKEND_ID)
async def set_identifier(change: ResourceChange, identifier: TextFields) -> None:
    """Set a resource's backend id, by the offering's rules, or its effective id."""
    ((name, text),) = identifier.items()
    path = ("identifier", "backendId" if name == "backend_id" else "effectiveId")
    problems = find_text_problem(text, *path, max_length=_MAX_IDENTIFIER_CHARS, is_required=False)
    raise_invalid_fields([*problems])
    value = text.strip()
    if value and name == "backend_id":
        await check_backend_id_rules(change, value, *path)
    values: dict[str, Any] = {name: value}
    await change.set_columns(ColumnValues(ResourceRow, **values))


@declare_setter(ResourceOperation.SET_RESOURCE_BACKEND_METADATA)
async def set_backend_metadata(change: ResourceChange, backend_metadata: object) -> None:
    """Replace the metadata of a resource's backend by any JSON value but null."""
    await change.set_columns(ColumnValues(ResourceRow, backend_metadata=backend_metadata))


@declare_setter(ResourceOperation.SET_RESOURCE_ENDPOINTS)
async def set_endpoints(change: ResourceChange, endpoints: Sequence[TextFields]) -> None:
    """Replace a resource's endpoints."""
    _check_count("endpoints", endpoints)
    problems = (
        problem
        for index, each in enumerate(endpoints)
        for problem in _find_endpoint_problems(each, "endpoints", str(index))
    )
    raise_invalid_fields([*problems])
    unit_of_work, resource_id = change.unit_of_work, change.facts.id
    new_endpoints = [(each["name"].strip(), each["url"].strip()) for each in endpoints]
    current = await unit_of_work.load_rows(EndpointRow, resource_id=resource_id)
    if [(each.name, each.url) for each in current] == new_endpoints:
        return
    await unit_of_work.writer.delete_rows(tables.resource_endpoint, [each.id for each in current])
    for name, url in new_endpoints:
        await unit_of_work.insert_row(EndpointRow, resource_id=resource_id, name=name, url=url)


def _find_endpoint_problems(endpoint: TextFields, *path: str) -> Iterator[InvalidField]:
    yield from find_text_problem(endpoint["name"], *path, "name", max_length=_MAX_NAME_CHARS)
    yield from find_text_problem(endpoint["url"], *path, "url", max_length=_MAX_URL_CHARS)
    if not _is_endpoint_url(endpoint["url"].strip()):
        message = f"must be a URL with a host and one of the schemes {', '.join(ENDPOINT_SCHEMES)}."
        yield build_invalid_field(*path, "url", message=message)


def _is_endpoint_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    is_clean = url.isprintable() and " " not in url
    return is_clean and has_host and parts.scheme in ENDPOINT_SCHEMES


@declare_setter(ResourceOperation.SET_RESOURCE_LIMITS)
async def set_limits(change: ResourceChange, limits: Any) -> None:
    """Replace a resource's limits; bounds are not checked, and the cost stays.

    A SLURM usage policy of the offering keeps the limits of components that are billed by limit.
    """
    if not isinstance(limits, dict):
        message = f"must be an object of numbers by component, got {describe_value(limits)}."
        raise_problem(build_invalid_input("limits", message=message))
    components = await change.unit_of_work.load_rows(
        ComponentRow, offering_id=change.facts.offering_id
    )
    raise_invalid_fields([*_find_limit_problems(limits, {each.type for each in components})])
    if await _has_usage_policy(change):
        fixed_types = {each.type for each in components if each.billing_type == BillingType.LIMIT}
        old_limits = change.before.limits
        limits = {name: limits[name] for name in limits if name not in fixed_types} | {
            name: old_limits[name] for name in old_limits if name in fixed_types
        }
    await change.set_columns(ColumnValues(ResourceRow, limits=limits))


async def _has_usage_policy(change: ResourceChange) -> bool:
    if change.unit_of_work.installation.lacks_table(tables.slurm_usage_policy):
        return False
    offering_id = change.facts.offering_id
    return bool(await change.unit_of_work.load_rows(SlurmUsagePolicyRow, scope_id=offering_id))


def _find_limit_problems(
    limits: Mapping[str, object], component_types: set[str]
) -> Iterator[InvalidField]:
    for name, value in limits.items():
        if name not in component_types:
            yield build_invalid_field("limits", name, message="is not a component of the offering.")
        elif (limit := parse_limit(value)) is None or limit < 0:
            message = f"must be a number of at least 0, got {describe_value(value)}."
            yield build_invalid_field("limits", name, message=message)


@declare_setter(ResourceOperation.SET_RESOURCE_STATE)
async def set_state(change: ResourceChange, state: Mapping[str, Mapping[str, Any]]) -> None:
    """Set a resource to OK or ERRED."""
    ((choice, details),) = state.items()
    await (_set_ok if choice == "ok" else _set_erred)(change, **details)


async def _set_ok(change: ResourceChange, *, keep_errors: bool) -> None:
    """Set a resource to OK, and clear the texts of its last error unless they are kept."""
    state = change.before.state
    if state is ResourceState.OK and not keep_errors:
        return
    raise_problem(check_state(ResourceState, state, _STATES_BEFORE_OK, "resource"))
    values = ColumnValues(ResourceRow, state=ResourceState.OK)
    if not keep_errors:
        values |= ColumnValues(ResourceRow, error_message="", error_traceback="")
    await change.set_columns(values)


async def _set_erred(change: ResourceChange, *, message: str, traceback: str) -> None:
    """Set a resource and its plugin's object to ERRED; empty texts replace none."""
    texts = {"error_message": message, "error_traceback": traceback}
    given_texts: dict[str, Any] = {name: text for name, text in texts.items() if text}
    values = ColumnValues(ResourceRow, state=ResourceState.ERRED)
    after = await change.set_columns(values | ColumnValues(ResourceRow, **given_texts))
    unit_of_work = change.unit_of_work
    table = find_backend_table(
        change.before.content_type_id, unit_of_work.installation.content_type_id
    )
    if after is not None and table is not None and after.object_id is not None:
        await unit_of_work.writer.update_rows(
            table,
            after.object_id,
            state=BackendState.ERRED,
            modified=unit_of_work.now,
            **given_texts,
        )


@declare_setter(ResourceOperation.SUBMIT_RESOURCE_REPORT)
async def submit_report(change: ResourceChange, report: Sequence[TextFields]) -> None:
    """Replace the provider's report about a resource."""
    if not report:
        raise_problem(build_invalid_input("report", message="must have at least one section."))
    _check_count("report", report)
    problems = (
        problem
        for index, section in enumerate(report)
        for name in ("header", "body")
        for problem in find_text_problem(section[name], "report", str(index), name)
    )
    raise_invalid_fields([*problems])
    await change.set_columns(ColumnValues(ResourceRow, report=report))


def _check_count(name: str, items: Sequence[object]) -> None:
    if len(items) > MAX_LIST_ITEMS:
        message = f"must have at most {MAX_LIST_ITEMS} items, got {len(items)}."
        raise_problem(build_invalid_input(name, message=message))


@declare_setter(ResourceOperation.REFRESH_RESOURCE_LAST_SYNC)
async def refresh_last_sync(change: ResourceChange) -> None:
    """Set the time of a resource's last synchronisation to now."""
    now_text = change.unit_of_work.now_text
    await change.set_columns(ColumnValues(ResourceRow, last_sync=now_text))

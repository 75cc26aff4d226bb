"""Waldur's answers to requests that it has carried out (domain.md §5, rules.md §1-§3)."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from starlette.responses import JSONResponse, Response

from gateway.marketplace.unit_of_work import ChangeResult
from tests.support.waldur_stand_in.api_description import is_since

FetchRow = Callable[..., tuple[Any, ...]]
"""Runs a statement with parameters and returns its only row."""
_RESOURCE_SQL = """
select r.uuid, r.name, r.description, r.end_date::text, p.uuid, (
    select o.uuid from marketplace_order o where o.resource_id = r.id order by o.id desc limit 1)
from marketplace_resource r join structure_project p on p.id = r.project_id where r.id = %s
"""
_ORDER_SQL = """
select o.uuid, r.uuid from marketplace_order o join marketplace_resource r on r.id = o.resource_id
where o.id = %s
"""
_STATUSES: Mapping[str, tuple[int, Any]] = {
    "empty": (200, None),
    "no content": (204, None),
    "scheduled": (202, {"detail": "pull operation was successfully scheduled."}),
    "canceled": (202, {"detail": "Order has been canceled."}),
    "detail": (200, {"detail": "Order has been processed."}),
    "status": (200, {"status": "Resource has been changed."}),
}
"""Status and body of answers that do not depend on what was changed."""


def build_accepted_answer(
    form: str, version: str, result: ChangeResult, fetch_row: FetchRow
) -> Response:
    """Return the answer of a form to a request that was carried out."""
    if form in _STATUSES:
        status, body = _STATUSES[form]
        return Response(status_code=status) if body is None else JSONResponse(body, status)
    if form == "options":
        form = "status" if result.order_id is None else "order"
        return build_accepted_answer(form, version, result, fetch_row)
    if form in ("resource", "details", "restoration"):
        return _answer_resource(form, version, result, fetch_row)
    return _answer_orders(form, result, fetch_row)


def _answer_resource(
    form: str, version: str, result: ChangeResult, fetch_row: FetchRow
) -> Response:
    """Return the resource; of a restoration the order from 8.0.9 on."""
    if form == "restoration" and is_since(version, "8.0.9"):
        return _answer_orders("order", result, fetch_row)
    uuid, name, description, end_date, project, _ = fetch_row(_RESOURCE_SQL, result.resource_id)
    details = {"name": name, "description": description, "end_date": end_date}
    if form == "details":
        return JSONResponse(details)
    return JSONResponse({**details, "uuid": uuid.hex, "project_uuid": project.hex})


def _answer_orders(form: str, result: ChangeResult, fetch_row: FetchRow) -> Response:
    """Return the uuids of orders; after a creation the order itself."""
    order_uuid, resource_uuid = fetch_row(_ORDER_SQL, result.order_id)
    if form == "new order":
        return JSONResponse(
            {
                "uuid": order_uuid.hex,
                "marketplace_resource_uuid": resource_uuid.hex,
                "type": "Create",
            },
            201,
        )
    if form == "reallocation":
        targets: list[UUID] = [
            fetch_row(_ORDER_SQL, each)[0] for each in result.target_order_ids or ()
        ]
        return JSONResponse(
            {
                "source_order_uuid": order_uuid.hex,
                "target_order_uuids": [each.hex for each in targets],
            }
        )
    return JSONResponse({"order_uuid": order_uuid.hex})

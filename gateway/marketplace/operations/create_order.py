"""Ordering a new resource (rules.md §3)."""

from dataclasses import replace
from typing import NamedTuple

from gateway.db import tables
from gateway.db.tables.codes import OrderType
from gateway.marketplace.attachments import store_attachment
from gateway.marketplace.creation.creation_request import CreationRequest
from gateway.marketplace.creation.order_assessment import (
    OrderAssessment,
    OrderForecast,
    assess_order,
    find_policy_problem,
    forecast_reviews,
)
from gateway.marketplace.creation.order_draft import OrderDraft, load_order_draft
from gateway.marketplace.event_log import log_event
from gateway.marketplace.orders.place import OrderRequest, place_order
from gateway.marketplace.problems import ChangeRefusedError, Problem, raise_problem
from gateway.marketplace.rows import ConsentRow, ResourceRow
from gateway.marketplace.side_effects import add_quota
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork


async def order_creation(
    unit_of_work: UnitOfWork, creation_request: CreationRequest
) -> ChangeResult:
    """Place an order for a new resource, which is stored at once, in the state CREATING."""
    draft = await load_order_draft(unit_of_work, creation_request)
    await unit_of_work.writer.lock_rows(tables.project, draft.project.id)
    assessment = await assess_order(unit_of_work, draft)
    raise_problem(next(iter(assessment.problems), None))
    attachment = await store_attachment(unit_of_work, creation_request.attachment)
    await _store_consent(unit_of_work, draft)
    resource = await _insert_resource(unit_of_work, draft, assessment)
    message = f"Resource {resource.name} creation has been requested."
    await log_event(unit_of_work, "marketplace_resource_create_requested", resource, message)
    order_request = OrderRequest(
        type=OrderType.CREATE,
        attributes=resource.attributes,
        limits=resource.limits,
        cost=None if assessment.cost is None else str(assessment.cost.order_cost),
        start_date=creation_request.start_date,
        request_comment=creation_request.request_comment,
        attachment=attachment,
    )
    facts = replace(draft.facts, id=resource.id)
    return ChangeResult(
        resource.id, await place_order(unit_of_work, facts, resource, order_request)
    )


class OrderPreviewValues(NamedTuple):
    """What would come of an order; `assessment` and `forecast` are None if it names hidden rows."""

    problems: tuple[Problem, ...]
    draft: OrderDraft | None = None
    assessment: OrderAssessment | None = None
    forecast: OrderForecast | None = None


async def preview_order(
    unit_of_work: UnitOfWork, creation_request: CreationRequest
) -> OrderPreviewValues:
    """Return what would come of an order; nothing is written."""
    try:
        draft = await load_order_draft(unit_of_work, creation_request)
    except ChangeRefusedError as error:
        return OrderPreviewValues((error.problem,))
    assessment = await assess_order(unit_of_work, draft)
    forecast = await forecast_reviews(unit_of_work, draft, assessment)
    return OrderPreviewValues(assessment.problems, draft, assessment, forecast)


async def _insert_resource(
    unit_of_work: UnitOfWork, draft: OrderDraft, assessment: OrderAssessment
) -> ResourceRow:
    """Insert the resource; raises ChangeRefusedError if a cost policy was exceeded meanwhile."""
    resource_id = await unit_of_work.insert_row(
        ResourceRow, **assessment.resource.by_column, last_sync=unit_of_work.now_text
    )
    raise_problem(await find_policy_problem(unit_of_work, draft, assessment.cost))
    for model, object_id in (
        ("project", draft.project.id),
        ("customer", draft.project.customer_id),
    ):
        await add_quota(unit_of_work, "nc_resource_count", ("structure", model), object_id, 1)
    return await unit_of_work.load_row(ResourceRow, resource_id)


async def _store_consent(unit_of_work: UnitOfWork, draft: OrderDraft) -> None:
    """Store that the viewer accepts the terms of service, unless they already have."""
    version = draft.facts.terms_version
    is_accepted = draft.request.accept_terms_of_service and version is not None
    if not is_accepted or draft.facts.consented_version == version:
        return
    user_id, offering_id = unit_of_work.requester_id, draft.offering.id
    consents = await unit_of_work.load_rows(ConsentRow, user_id=user_id, offering_id=offering_id)
    consent_id = (
        consents[0].id
        if consents
        else await unit_of_work.insert_row(
            ConsentRow,
            user_id=user_id,
            offering_id=offering_id,
            agreement_date=unit_of_work.now_text,
        )
    )
    await unit_of_work.update_rows(
        ConsentRow,
        consent_id,
        version=version or "",
        agreement_date=unit_of_work.now_text,
        revocation_date=None,
    )

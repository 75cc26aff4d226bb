"""Admission of operations: their rate budget is charged before they are executed."""

from gateway.db.access.viewer import Viewer
from gateway.execution.executor import GraphQLResult
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.operation_admission import AdmittedOperation
from gateway.fairness.current_client import set_current_client
from gateway.rate_limits.client_key import identify_client
from gateway.rate_limits.errors import RateLimitedError
from gateway.rate_limits.viewer_budgets import (
    BUILD_PRICE,
    OPERATION_PRICE,
    compute_document_price,
)
from gateway.transports.services import TransportServices


async def admit_and_charge(
    services: TransportServices,
    graphql_request: GraphQLRequest,
    viewer: Viewer,
    address: str | None,
) -> AdmittedOperation | GraphQLResult:
    """Admit an operation and charge it to the viewer's rate budget, or return its rejection.

    A document that is not in the cache is paid for before it is parsed, so that a client
    without budget causes no such work. What is built for an operation is known only afterwards,
    so the client's next one is charged for it. A rejected operation is charged, too.
    Subscriptions are charged when they start, their events are not. Raises RateLimitedError.
    """
    client = identify_client(viewer, address)
    set_current_client(client)
    executor, budgets = services.executor, services.viewer_budgets
    unparsed_text = executor.find_unparsed_text(graphql_request)
    if unparsed_text is not None:
        await budgets.charge_viewer(viewer, address, compute_document_price(unparsed_text))
        await executor.parse_document(unparsed_text, viewer)
    operation = executor.admit_operation(graphql_request, viewer)
    unpaid_builds = executor.build_worker.unpaid_builds
    build_count = unpaid_builds.pop(client, 0)
    price = compute_price(operation) + BUILD_PRICE * build_count
    if not budgets.charge_share(viewer, address, price):
        try:
            await budgets.charge_viewer(viewer, address, price)
        except RateLimitedError:
            unpaid_builds[client] = unpaid_builds.get(client, 0) + build_count
            raise
    return operation


def compute_price(operation: AdmittedOperation | GraphQLResult) -> int:
    """Return what an operation is charged: a basic price, and its cost unless it is rejected."""
    cost = operation.cost if isinstance(operation, AdmittedOperation) else 0
    return OPERATION_PRICE + cost

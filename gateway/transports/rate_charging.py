"""Admission of operations: their rate budget is charged before they are executed."""

from gateway.db.access.viewer import Viewer
from gateway.execution.executor import GraphQLResult
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.operation_admission import AdmittedOperation
from gateway.fairness.current_client import set_current_client
from gateway.rate_limits.client_key import identify_client
from gateway.rate_limits.viewer_budgets import OPERATION_PRICE, compute_document_price
from gateway.transports.services import TransportServices


async def admit_and_charge(
    services: TransportServices,
    graphql_request: GraphQLRequest,
    viewer: Viewer,
    address: str | None,
) -> AdmittedOperation | GraphQLResult:
    """Admit an operation and charge it to the viewer's rate budget, or return its rejection.

    A document that is not in the cache is paid for before it is parsed, so that a client
    without budget causes no such work. A rejected operation is charged, too. Subscriptions
    are charged when they start, their events are not. Raises RateLimitedError.
    """
    set_current_client(identify_client(viewer, address))
    executor, budgets = services.executor, services.viewer_budgets
    unparsed_text = executor.find_unparsed_text(graphql_request)
    if unparsed_text is not None:
        await budgets.charge_viewer(viewer, address, compute_document_price(unparsed_text))
    operation = executor.admit_operation(graphql_request, viewer)
    price = compute_price(operation)
    if not budgets.charge_share(viewer, address, price):
        await budgets.charge_viewer(viewer, address, price)
    return operation


def compute_price(operation: AdmittedOperation | GraphQLResult) -> int:
    """Return what an operation is charged: a basic price, and its cost unless it is rejected."""
    cost = operation.cost if isinstance(operation, AdmittedOperation) else 0
    return OPERATION_PRICE + cost

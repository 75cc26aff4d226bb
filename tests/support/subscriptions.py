"""Subscriptions as transports prepare them."""

from gateway.db.access.viewer import Viewer
from gateway.execution.executor import Executor, GraphQLResult
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.subscription import PreparedSubscription


def admit_subscription(
    executor: Executor, graphql_request: GraphQLRequest, viewer: Viewer | None = None
) -> PreparedSubscription | GraphQLResult | None:
    """Admit and prepare a subscription of a viewer, by default of an anonymous one."""
    operation = executor.admit_operation(graphql_request, viewer or Viewer())
    if isinstance(operation, GraphQLResult):
        return operation
    return executor.prepare_subscription(operation)

"""Variables of subscriptions: those that the operation does not define are not kept."""

from typing import Any

from gateway.api import schema
from gateway.execution.executor import Executor
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.subscription import PreparedSubscription
from tests.support.subscriptions import admit_subscription

SUBSCRIPTION = """subscription ($after: String, $first: Int = 1, $more: Boolean = false) {
    resourceChanged(after: $after) { ... on ResourceEvent {
        resource { project { resources(first: $first) { nodes { name @include(if: $more) } } } }
    } }
}"""


def prepare(variables: dict[str, Any] | None) -> PreparedSubscription:
    """Return the prepared subscription with these variables."""
    executor = Executor(schema)
    subscription = admit_subscription(executor, GraphQLRequest(SUBSCRIPTION, variables))
    assert isinstance(subscription, PreparedSubscription)
    return subscription


def test_undefined_variables_are_dropped() -> None:
    subscription = prepare({"first": 2, "unknown": ["x" * 1000]})
    assert subscription.graphql_request.variables == {"first": 2}
    assert subscription.object_query is not None
    assert subscription.object_query.graphql_request.variables == {"first": 2}
    assert subscription.sharing_key == prepare({"first": 2}).sharing_key


def test_missing_variables_stay_missing() -> None:
    assert prepare(None).graphql_request.variables is None
    assert prepare({}).graphql_request.variables == {}
    assert prepare({"after": None}).graphql_request.variables == {"after": None}

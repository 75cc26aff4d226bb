"""Routes: how operations are sent to the REST API, and what comes of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from gateway.rest_api.rest_action import CheckedCall, RestAction, build_resource_request
from gateway.rest_api.rest_request import RestRequest
from gateway.rest_api.rest_result import ResultLoader, load_resource_result

RequestBuilder = Callable[[CheckedCall], Awaitable[RestRequest]]


@dataclass(frozen=True)
class RestRoute:
    """How an operation is sent."""

    actions: tuple[RestAction, ...]
    """The actions, one of which is requested."""
    build_request: RequestBuilder
    load_result: ResultLoader = load_resource_result


def send_arguments(
    action: RestAction, *names: str, load_result: ResultLoader = load_resource_result
) -> RestRoute:
    """Return the route of an operation whose arguments `names` are the body.

    Those that are None are left out; without names there is no body.
    """

    async def build_request(call: CheckedCall) -> RestRequest:
        return build_resource_request(call, action, call.pick_arguments(*names) if names else None)

    return RestRoute((action,), build_request, load_result)


def send_choice(argument: str, actions: Mapping[str, RestAction]) -> RestRoute:
    """Return the route of an operation with an object of one member as its argument.

    The object is the body, and the name of its member chooses the action.
    """

    async def build_request(call: CheckedCall) -> RestRequest:
        body = call.arguments[argument]
        (name,) = body
        return build_resource_request(call, actions[name], body)

    return RestRoute((*actions.values(),), build_request)

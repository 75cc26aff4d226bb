"""The route of the REST API for each operation (rules.md §2)."""

from collections.abc import Mapping

from gateway.marketplace.operation_call import Operation
from gateway.rest_api.order_routes import ORDER_ROUTES
from gateway.rest_api.resource_order_routes import RESOURCE_ORDER_ROUTES
from gateway.rest_api.rest_route import RestRoute
from gateway.rest_api.setter_routes import SETTER_ROUTES

REST_ROUTES: Mapping[Operation, RestRoute] = {
    **RESOURCE_ORDER_ROUTES,
    **SETTER_ROUTES,
    **ORDER_ROUTES,
}

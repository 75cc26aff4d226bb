"""Missing routes are remembered for a while."""

from gateway.rest_api.missing_routes import MEMORY_SECONDS, MissingRoutes


def test_missing_route_is_tried_again_later() -> None:
    now = 0.0
    missing_routes = MissingRoutes(lambda: now)
    missing_routes.add_route("marketplace-resources/set_end_date")
    assert missing_routes.is_missing("marketplace-resources/set_end_date")
    assert not missing_routes.is_missing("marketplace-resources/renew")
    now = MEMORY_SECONDS
    assert not missing_routes.is_missing("marketplace-resources/set_end_date")

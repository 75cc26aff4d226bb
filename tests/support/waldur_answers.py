"""Answers of Waldur's REST API to requests that `gateway check` and token refreshes send."""

from starlette.responses import HTMLResponse, JSONResponse, Response

from tests.support.rest_server import RecordedRequest

UNAUTHENTICATED = {"detail": "Authentication credentials were not provided."}


class WaldurAnswers:
    """Answers as Waldur gives them, for the routes and the users that it has."""

    def __init__(self, *missing_routes: str, username: str | None = "staff") -> None:
        self._missing_routes, self._username = missing_routes, username

    def __call__(self, request: RecordedRequest) -> Response:
        """Answer a request."""
        if any(f"/{each}/" in request.path for each in self._missing_routes):
            return HTMLResponse("<h1>Not Found</h1>", 404)
        if "authorization" not in request.headers:
            return JSONResponse(UNAUTHENTICATED, 401)
        if self._username is None:
            return JSONResponse({"detail": "Invalid token."}, 401)
        if request.path == "/api/version/":
            return JSONResponse({"version": "8.0.9", "latest_version": "8.1.3"})
        return JSONResponse({"username": self._username})

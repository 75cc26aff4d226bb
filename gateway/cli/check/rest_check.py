"""Check of Waldur's REST API: its address, a token, the routes that it has.

No request changes anything: routes are requested by GET without a token. Waldur has a route if it
refuses that in JSON, with whatever status; an HTML page with status 404 is a missing route.
"""

from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from itertools import chain
from ssl import SSLError
from typing import Any

import httpx

from gateway.cli.check.database_check import check_clock
from gateway.cli.check.report import (
    Finding,
    report_failure,
    report_note,
    report_success,
    report_warning,
)
from gateway.config.settings import Settings
from gateway.exact_json import decode_json_or_none
from gateway.rest_api.rest_action import Collection
from gateway.rest_api.rest_routes import REST_ROUTES
from gateway.rest_api.tls_context import create_tls_context

JSON_MEDIA_TYPE = "application/json"
_LIST_PATH = f"/api/{Collection.CONSUMER.value}/"
"""A list that Waldur refuses to anonymous clients."""
_OWN_USER_PATH, _VERSION_PATH = "/api/users/me/", "/api/version/"
_NO_UUID = "0" * 32
_FOREIGN_KEY_TEXT = (
    "Waldur knows this token and the database does not: GATEWAY_WALDUR_URL and "
    "GATEWAY_DATABASE_URL belong to different Waldurs, or the token is not one of Waldur's profile "
    "page"
)


class RestCheck:
    """Check over one client."""

    def __init__(self, settings: Settings) -> None:
        """Send requests to the REST API of `settings`, as the gateway does."""
        assert settings.waldur_url is not None
        self._url = settings.waldur_url
        self._client = httpx.Client(
            verify=create_tls_context(settings.waldur_ca_file),
            timeout=httpx.Timeout(
                settings.waldur_answer_seconds, connect=settings.waldur_connect_seconds
            ),
            trust_env=False,
            follow_redirects=False,
            http2=True,
            headers={"Accept": JSON_MEDIA_TYPE},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def check_address(self) -> Iterator[Finding]:
        """Yield what answers at the address; the last finding is a failure unless it is Waldur."""
        try:
            response = self._fetch(_LIST_PATH)
        except httpx.HTTPError as error:
            yield report_failure(f"{self._url} can't be reached: {explain_error(error)}")
            return
        with suppress(KeyError, ValueError):
            sent_at = parsedate_to_datetime(response.headers["Date"])
            yield from check_clock("The clock of Waldur's REST API", sent_at.timestamp())
        yield self._describe_answer(response)

    def _describe_answer(self, response: httpx.Response) -> Finding:
        if response.is_redirect:
            return report_failure(
                f"{self._url} redirects to {response.headers.get('Location')}: set "
                "GATEWAY_WALDUR_URL to an address without redirects, and without /api"
            )
        if response.status_code != httpx.codes.UNAUTHORIZED or not _has_json(response):
            return report_failure(
                f"{self._url} is not a REST API of Waldur: {_LIST_PATH} without a token has "
                f"status {response.status_code} and {_name_media_type(response)}, "
                "instead of 401 and JSON. GATEWAY_WALDUR_URL is the address in front of /api/"
            )
        return report_success(f"{self._url} is a REST API of Waldur, by {response.http_version}")

    def check_token(self, key: str, owner: str | None) -> Iterator[Finding]:
        """Yield whether a token is that of the same user in Waldur and in the database.

        `owner` is the username in the database; None if the database has no such token.
        """
        authorization = {"Authorization": f"Token {key}"}
        response = self._fetch(_OWN_USER_PATH, authorization)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            yield report_failure(_explain_rejected_token(owner))
            return
        username = _decode_object(response).get("username")
        if response.status_code != httpx.codes.OK or username is None:
            yield report_failure(f"{_OWN_USER_PATH} with the token: status {response.status_code}")
        elif username != owner:
            yield report_failure(
                _FOREIGN_KEY_TEXT
                if owner is None
                else f"The token is that of {owner} in the database and of {username} in Waldur"
            )
        else:
            yield report_success(f"The token is that of {owner}, in Waldur and in the database")
            yield from self._report_version(authorization)

    def _report_version(self, authorization: dict[str, str]) -> Iterator[Finding]:
        """Yield the version of Waldur, which staff and support may know."""
        version = _decode_object(self._fetch(_VERSION_PATH, authorization)).get("version")
        if version is not None:
            yield report_success(f"Waldur {version}")

    def check_routes(self) -> Iterator[Finding]:
        """Yield which routes of mutations this Waldur lacks.

        It is a note that an older Waldur lacks routes of later versions, so that it can pass
        `--strict`.
        """
        actions = {
            route: action
            for action in chain.from_iterable(each.actions for each in REST_ROUTES.values())
            for route in action.list_routes()
        }
        missing_routes = {
            route: action.since for route, action in actions.items() if self._is_missing(route)
        }
        later_routes = [
            f"{route} (since {since})" for route, since in missing_routes.items() if since
        ]
        common_routes = [route for route, since in missing_routes.items() if not since]
        if later_routes:
            yield report_note(
                "This Waldur lacks routes of later versions; mutations that need them return "
                "Unavailable:",
                *later_routes,
            )
        if common_routes:
            yield report_warning(
                "This Waldur lacks routes that all supported versions have, or a proxy refuses "
                "them; mutations that need them return Unavailable:",
                common_routes,
            )
        if not missing_routes:
            yield report_success(f"It has all {len(actions)} routes of the mutations")

    def _is_missing(self, route: str) -> bool:
        collection, _, action = route.partition("/")
        path = f"/api/{collection}/{_NO_UUID}/{action}/".replace("//", "/")
        response = self._fetch(path)
        return response.status_code == httpx.codes.NOT_FOUND and not _has_json(response)

    def _fetch(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self._client.get(self._url + path, headers=headers)


def explain_error(error: httpx.HTTPError) -> str:
    """Return the cause of a failed request, with the setting that may mend it."""
    reason = str(error) or type(error).__name__
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        return f"{reason}. For a CA of your own set GATEWAY_WALDUR_CA_FILE"
    if isinstance(error, httpx.TimeoutException):
        return f"no answer in time ({type(error).__name__})"
    return reason


def _explain_rejected_token(owner: str | None) -> str:
    if owner is None:
        return "Neither Waldur nor the database knows the token"
    return (
        f"Waldur rejects the token, which is that of {owner} in the database: it has expired, or "
        "GATEWAY_WALDUR_URL and GATEWAY_DATABASE_URL belong to different Waldurs"
    )


def _has_json(response: httpx.Response) -> bool:
    return _name_media_type(response) == JSON_MEDIA_TYPE


def _name_media_type(response: httpx.Response) -> str:
    media_type = str(response.headers.get("Content-Type", "no media type"))
    return media_type.partition(";")[0].strip().lower()


def _decode_object(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of an answer; an empty one for any other answer."""
    body = decode_json_or_none(response.content)
    return body if isinstance(body, dict) else {}

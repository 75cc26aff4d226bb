"""The client of Waldur's REST API: it sends requests on behalf of requesters."""

from collections.abc import Mapping
from typing import Any

import httpx

from gateway.config.settings import Settings
from gateway.exact_json import decode_json
from gateway.marketplace.requester import Requester
from gateway.rest_api.rest_answer import RestAnswer
from gateway.rest_api.rest_form import JSON_MEDIA_TYPE
from gateway.rest_api.rest_request import RestRequest


class RestClient:
    """Client with a connection pool, for one event loop."""

    def __init__(self, settings: Settings) -> None:
        """Send requests to the REST API at `settings.waldur_url`."""
        assert settings.waldur_url is not None
        self.api_url = settings.waldur_url
        self._client = httpx.AsyncClient(
            base_url=settings.waldur_url,
            timeout=httpx.Timeout(30, connect=3),
            follow_redirects=False,
            http2=True,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send_request(self, requester: Requester, request: RestRequest) -> RestAnswer:
        """Send a request with the requester's credentials and return the answer.

        Raises httpx.HTTPError if there is none.
        """
        body = request.encode_body()
        content_type = {} if body is None else {"Content-Type": body.media_type}
        response = await self._client.request(
            request.method,
            request.path,
            headers={**_build_headers(requester), **content_type},
            content=None if body is None else body.content,
        )
        return _parse_response(response)


def _build_headers(requester: Requester) -> Mapping[str, str]:
    return {
        "Accept": JSON_MEDIA_TYPE,
        "Authorization": requester.credentials.authorization,
        "X-Request-ID": requester.request_id,
    }


def _parse_response(response: httpx.Response) -> RestAnswer:
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    body: Any = response.text
    if media_type == JSON_MEDIA_TYPE:
        body = decode_json(response.content)
    return RestAnswer(response.status_code, media_type, body)

"""Our requests are those that Waldur's generated client sends for the same wish.

`tools/record_client_requests.py` has recorded them. Where ours differ, `DIFFERENCES` says so.
"""

import json
from collections.abc import Mapping
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import HTMLResponse

from gateway.rest_api.rest_routes import REST_ROUTES
from tests.rest_api.conftest import RestScene
from tests.support.rest_server import RecordedRequest
from tests.support.rest_wishes import (
    OLDER_WISHES,
    ORDER,
    ORDER_WISHES,
    OTHER_WISHES,
    RESOURCE_WISHES,
    send_wish,
)

CLIENT_REQUESTS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("client_requests.json").read_text()
)
CLIENT_URL = "https://waldur.example.org"
WISHES = (*RESOURCE_WISHES, *ORDER_WISHES, *OTHER_WISHES)
PDF_PART = ["attachment", "purchase-order.pdf", "application/pdf", "%PDF-1.4\n%%EOF\n"]
DIFFERENCES: dict[str, Any] = {
    # The client sends a part `limits` with JSON, which Waldur reads as {}.
    "renewResource, attachment": {
        "parts": [
            ["extension_months", None, None, "12"],
            ["limits.slots", None, None, "5"],
            PDF_PART,
        ]
    },
    "updateResourceLimits, attachment": {
        "parts": [
            ["limits.capacity", None, None, "7"],
            ["limits.snapshots", None, None, "1"],
            ["request_comment", None, None, "More"],
            PDF_PART,
        ]
    },
    # The client's function requires a body that Waldur does not read.
    "restoreResource": {"body": None},
}
"""What differs from the client's request, by wish."""


@pytest.mark.parametrize("name", WISHES)
async def test_requests_are_those_of_the_client(rest_scene: RestScene, name: str) -> None:
    requests = rest_scene.answer_all((201, {"uuid": ORDER}))
    sent_wish = await send_wish(rest_scene.demo, name)
    assert "message" not in sent_wish.result, sent_wish.result
    compare_request(name, describe_request(requests[-1], rest_scene, sent_wish.placeholders))
    assert len(requests) == (2 if name == "createOrder, attachment" else 1)


@pytest.mark.parametrize("name", OLDER_WISHES)
async def test_older_versions_get_their_own_requests(rest_scene: RestScene, name: str) -> None:
    """Waldur's answer to a missing route is HTML; the next operation does not try it again."""
    requests = rest_scene.answer_all((404, HTMLResponse("Not Found", 404)), (200, {}))
    async with rest_scene.serve_again() as demo:
        sent_wishes = [await send_wish(demo, name) for _ in range(2)]
    for request, sent_wish in zip(requests[1:], sent_wishes, strict=True):
        assert "message" not in sent_wish.result, sent_wish.result
        compare_request(name, describe_request(request, rest_scene, sent_wish.placeholders))


def compare_request(name: str, request: Mapping[str, Any]) -> None:
    """Compare a request with that of the client, in each version that has its route."""
    difference = DIFFERENCES.get(name, {})
    for version, client_requests in CLIENT_REQUESTS.items():
        client_request = client_requests[name]
        if client_request is None:
            assert find_first_version(request["path"]) > version or "attachment" in name
        else:
            assert request == {"body": None, "parts": None, **client_request, **difference}
            assert find_first_version(request["path"]) <= version


def test_all_recorded_wishes_are_compared() -> None:
    for client_requests in CLIENT_REQUESTS.values():
        assert client_requests.keys() == {*WISHES, *OLDER_WISHES}


def describe_request(
    request: RecordedRequest, scene: RestScene, placeholders: Mapping[str, str]
) -> dict[str, Any]:
    """Return what is compared of a request, with the UUIDs and the URL of the client's."""
    assert request.path.startswith("/waldur/api/")
    media_type = request.headers.get("content-type", "")
    text = request.content.decode().replace(f"{scene.rest_server.url}/waldur", CLIENT_URL)
    path = request.path.removeprefix("/waldur")
    for uuid, placeholder in placeholders.items():
        text, path = text.replace(uuid, placeholder), path.replace(uuid, placeholder)
    is_form = media_type.startswith("multipart/")
    assert is_form or media_type == ("application/json" if text else "")
    return {
        "method": request.method,
        "path": path,
        "body": json.loads(text) if text and not is_form else None,
        "parts": parse_form(media_type, text.encode()) if is_form else None,
    }


def parse_form(media_type: str, content: bytes) -> list[list[str | None]]:
    """Return name, file name, media type and text of each part of a multipart form."""
    message = BytesParser().parsebytes(f"Content-Type: {media_type}\r\n\r\n".encode() + content)
    parts = [each for each in message.get_payload() if isinstance(each, Message)]
    return [
        [
            str(part.get_param("name", header="Content-Disposition")),
            part.get_filename(),
            part["Content-Type"],
            str(part.get_payload()),
        ]
        for part in parts
    ]


def find_first_version(path: str) -> str:
    """Return the version since which our routes say that a path exists; empty for always."""
    _, _, collection, *others, _ = path.split("/")
    name = others[-1] if len(others) > 1 else ""
    (since,) = {
        action.since
        for route in REST_ROUTES.values()
        for action in route.actions
        if action.name == name and collection in {each.value for each in action.collections}
    }
    return since

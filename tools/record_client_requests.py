"""Records which requests Waldur's generated client sends for the wishes of our mutations.

`tests/rest_api/test_rest_routes_client_requests.py` compares the gateway's requests with them. CI
does not run this script. To record a version of the client, run it in an environment of its own:

    python3 -m venv /tmp/client && /tmp/client/bin/pip install waldur-api-client==8.1.3
    /tmp/client/bin/python tools/record_client_requests.py tests/rest_api/client_requests.json

The file has the requests by version and wish; null if the client of the version has no such
function. UUIDs are 32 hexadecimal digits, as the gateway sends them.
"""

import importlib
import inspect
import json
import sys
from collections.abc import Mapping
from email.message import Message
from email.parser import BytesParser
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, get_args
from uuid import UUID

PACKAGE = "waldur_api_client"
API_URL = "https://waldur.example.org"
RESOURCE, ORDER, PROJECT, OFFERING, PLAN, TARGET = (f"{digit}" * 32 for digit in "123456")
PLAN_URL = f"{API_URL}/api/marketplace-public-offerings/{OFFERING}/plans/{PLAN}/"
PDF = b"%PDF-1.4\n%%EOF\n"
OPTIONS = {"options": {"contact": "New"}}
LIMITS = {"capacity": 7, "snapshots": 1}


class Wish(NamedTuple):
    """What a user wishes, as a function of the client and its body."""

    function: str
    body: Mapping[str, Any] | None = None
    attachment: bytes | None = None
    """A file; with it the body is the client's model of a multipart form."""


WISHES: Mapping[str, Wish] = {
    "createOrder": Wish(
        "orders_create",
        {
            "offering": f"{API_URL}/api/marketplace-public-offerings/{OFFERING}/",
            "project": f"{API_URL}/api/projects/{PROJECT}/",
            "plan": PLAN_URL,
            "attributes": {"name": "Measurements", "description": "For tests"},
            "limits": LIMITS,
            "accepting_terms_of_service": True,
            "request_comment": "Soon",
        },
    ),
    "createOrder, attachment": Wish("orders_update_attachment", {}, PDF),
    "pullResource": Wish("resources_pull"),
    "pullResource, provider": Wish("provider_resources_pull"),
    "moveResource": Wish(
        "resources_move_resource", {"project": {"url": f"{API_URL}/api/projects/{PROJECT}/"}}
    ),
    "renewResource": Wish("resources_renew", {"extension_months": 12, "request_comment": "Please"}),
    "renewResource, attachment": Wish(
        "resources_renew", {"extension_months": 12, "limits": {"slots": 5}}, PDF
    ),
    "updateResourceLimits": Wish(
        "resources_update_limits", {"limits": LIMITS, "request_comment": "More"}
    ),
    "updateResourceLimits, attachment": Wish(
        "resources_update_limits", {"limits": LIMITS, "request_comment": "More"}, PDF
    ),
    "switchResourcePlan": Wish("resources_switch_plan", {"plan": PLAN_URL}),
    "reallocateResourceLimits": Wish(
        "resources_reallocate_limits",
        {
            "limits": {"capacity": 1},
            "targets": [{"resource_uuid": TARGET, "allocated_limits": {"capacity": 1}}],
        },
    ),
    "terminateResource": Wish("resources_terminate", {"attributes": {"delete_volumes": True}}),
    "terminateResource, provider": Wish("provider_resources_terminate", {}),
    "restoreResource": Wish(
        "resources_restore",
        {"offering": f"{API_URL}/api/marketplace-public-offerings/{OFFERING}/", "name": "Old"},
    ),
    "setResourceEndDate": Wish("resources_set_end_date", {"end_date": "2099-01-10"}),
    "setResourceEndDate, none": Wish("resources_set_end_date", {"end_date": None}),
    "setResourceEndDate, left out": Wish("resources_set_end_date", {}),
    "setResourceEndDate, provider": Wish(
        "provider_resources_set_end_date", {"end_date": "2099-01-10"}
    ),
    "setResourceEndDate, older": Wish(
        "resources_set_end_date_by_staff", {"end_date": "2099-01-10"}
    ),
    "setResourceEndDate, older, provider": Wish(
        "provider_resources_set_end_date_by_provider", {"end_date": "2099-01-10"}
    ),
    "adjustResourceDates": Wish(
        "resources_adjust_dates",
        {"start_date": "2026-01-01", "end_date": "2099-01-01", "comment": "Agreed"},
    ),
    "updateResource": Wish(
        "resources_partial_update",
        {"name": "Renamed", "description": "Mine", "end_date": "2099-01-10"},
    ),
    "updateResource, provider": Wish(
        "provider_resources_partial_update", {"name": "Renamed", "end_date": None}
    ),
    "updateResourceOptions": Wish("resources_update_options", OPTIONS),
    "updateResourceOptions, provider": Wish("provider_resources_update_options", OPTIONS),
    "updateResourceOptions, direct": Wish("provider_resources_update_options_direct", OPTIONS),
    "setResourceSlug": Wish("resources_set_slug", {"slug": "new-slug"}),
    "setResourceFlags, paused": Wish("resources_set_paused", {"paused": True}),
    "setResourceFlags, downscaled": Wish("resources_set_downscaled", {"downscaled": False}),
    "setResourceFlags, restrictMemberAccess": Wish(
        "resources_set_restrict_member_access", {"restrict_member_access": True}
    ),
    "unlinkResource": Wish("resources_unlink"),
    "setResourceBackendId, backendId": Wish(
        "provider_resources_set_backend_id", {"backend_id": "new-id"}
    ),
    "setResourceBackendId, effectiveId": Wish(
        "provider_resources_set_effective_id", {"effective_id": "new-id"}
    ),
    "setResourceBackendMetadata": Wish(
        "provider_resources_set_backend_metadata", {"backend_metadata": {"number": [1, None]}}
    ),
    "setResourceEndpoints": Wish(
        "provider_resources_set_endpoints",
        {"endpoints": [{"name": "Login", "url": "ssh://login.example.org"}]},
    ),
    "setResourceLimits": Wish("provider_resources_set_limits", {"limits": LIMITS}),
    "setResourceState, ok": Wish("provider_resources_set_as_ok"),
    "setResourceState, ok, keepErrors": Wish("provider_resources_set_state_ok"),
    "setResourceState, erred": Wish(
        "provider_resources_set_as_erred",
        {"error_message": "Broken", "error_traceback": "Line 1"},
    ),
    "submitResourceReport": Wish(
        "provider_resources_submit_report", {"report": [{"header": "News", "body": "Fine"}]}
    ),
    "refreshResourceLastSync": Wish("provider_resources_refresh_last_sync"),
    "approveOrder, consumer": Wish("orders_approve_by_consumer"),
    "approveOrder, provider": Wish("orders_approve_by_provider", {}),
    "rejectOrder, consumer": Wish(
        "orders_reject_by_consumer", {"consumer_rejection_comment": "No"}
    ),
    "rejectOrder, provider": Wish(
        "orders_reject_by_provider", {"provider_rejection_comment": "No"}
    ),
    "cancelOrder": Wish("orders_cancel"),
    "setOrderState, EXECUTING": Wish("orders_set_state_executing"),
    "setOrderState, DONE": Wish("orders_set_state_done"),
    "setOrderState, ERRED": Wish(
        "orders_set_state_erred", {"error_message": "Broken", "error_traceback": "Line 1"}
    ),
    "retryOrder": Wish("orders_retry"),
}


def record_wish(wish: Wish) -> dict[str, Any] | None:
    """Return the request that the installed client sends; None if it has no such function."""
    collection = wish.function.partition("resources_")[0] + "resources"
    if wish.function.startswith("orders_"):
        collection = "orders"
    try:
        module = importlib.import_module(
            f"{PACKAGE}.api.marketplace_{collection}.marketplace_{wish.function}"
        )
    except ImportError:
        return None
    build_keywords: Any = module._get_kwargs  # noqa: SLF001 - it builds the request, unsent
    parameters = inspect.signature(build_keywords).parameters
    uuid = UUID(ORDER if collection == "orders" else RESOURCE)
    arguments: dict[str, Any] = {"uuid": uuid} if "uuid" in parameters else {}
    if wish.body is not None:
        body = build_body(parameters["body"].annotation, wish)
        if body is None:
            return None
        arguments["body"] = body
    return describe_request(build_keywords(**arguments))


def build_body(annotation: Any, wish: Wish) -> Any:
    """Return the client's model of a body; None if it has none for a file."""
    is_form = wish.attachment is not None
    classes = get_args(annotation) or (annotation,)
    body_class = next(
        (
            each
            for each in classes
            if each.__name__.endswith("Multipart") == is_form and not each.__name__.endswith("Form")
        ),
        None,
    )
    if body_class is None:
        return None
    body = body_class.from_dict(wish.body)
    if is_form:
        file_class = importlib.import_module(f"{PACKAGE}.types").File
        body.attachment = file_class(BytesIO(PDF), "purchase-order.pdf", "application/pdf")
    return body


def describe_request(keywords: dict[str, Any]) -> dict[str, Any]:
    """Return what is compared of a request, for the keywords that the client passes to httpx."""
    httpx = importlib.import_module("httpx")
    url = f"{API_URL}{keywords.pop('url')}"
    request = httpx.Request(keywords.pop("method").upper(), url, **keywords)
    description = {"method": request.method, "path": remove_hyphens(request.url.path)}
    content = request.read()
    media_type = request.headers.get("Content-Type", "")
    if media_type.startswith("multipart/"):
        description["parts"] = parse_form(media_type, content)
    elif content:
        description["body"] = json.loads(remove_hyphens(content.decode()))
    return description


def remove_hyphens(text: str) -> str:
    """Return a text whose UUIDs have no hyphens."""
    for uuid in (RESOURCE, ORDER, PROJECT, OFFERING, PLAN, TARGET):
        text = text.replace(str(UUID(uuid)), uuid)
    return text


def parse_form(media_type: str, content: bytes) -> list[list[str | None]]:
    """Return name, file name, media type and text of each part of a multipart form."""
    message = BytesParser().parsebytes(f"Content-Type: {media_type}\r\n\r\n".encode() + content)
    return [describe_part(each) for each in message.get_payload() if isinstance(each, Message)]


def describe_part(part: Message) -> list[str | None]:
    """Return name, file name, media type and text of a part."""
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return [
        str(part.get_param("name", header="Content-Disposition")),
        part.get_filename(),
        part["Content-Type"],
        content.decode(),
    ]


def record_version(path: Path) -> None:
    """Replace the requests of the installed version in a file."""
    requests = json.loads(path.read_text()) if path.exists() else {}
    requests[version("waldur-api-client")] = {
        name: record_wish(wish) for name, wish in WISHES.items()
    }
    path.write_text(format_requests(requests))


def format_requests(requests: Mapping[str, Mapping[str, Any]]) -> str:
    """Return JSON with a line for each request."""
    lines = ["{"]
    for number, (name, wishes) in enumerate(sorted(requests.items()), 1):
        items = [f"{json.dumps(wish)}: {json.dumps(each)}" for wish, each in wishes.items()]
        end = "}" if number == len(requests) else "},"
        lines += [f"{json.dumps(name)}: {{", ",\n".join(items), end]
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    record_version(Path(sys.argv[1]))

"""docs/http.md: its table of statuses is current."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from gateway.http.statuses import StatusMode
from tests.support.gateway_server import GatewayClient, serve_in_process
from tests.support.project_paths import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "http.md").read_text(encoding="utf-8")
ROW_PATTERN = re.compile(r"^\| ([^|]+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
DOCUMENTED_STATUSES = {
    case: [int(each) for each in statuses] for case, *statuses in ROW_PATTERN.findall(PAGE)
}
ACCEPT_OF_MALFORMED = "text/plain"
JSON_REQUESTS = {
    "success": {"query": "{ __typename }"},
    "`data` and `errors`": {"query": "{ __typename resources(first: 5000) { totalCount } }"},
    "the body is JSON, but not a GraphQL request": {"qeury": "{ __typename }"},
    "the document has a syntax error": {"query": "{"},
    "the document is invalid": {"query": "{ nothing }"},
    "the operation name or a variable is invalid": {
        "query": "query ($id: ID!) { __typename }",
        "variables": {"id": None},
    },
    "the response would be too large": {
        "query": "{ resources(first: 300) { nodes { offering { components { uuid } } } } }"
    },
}
"""The cases that are requests with a JSON body."""
OTHER_CASES = {
    "the body is not JSON",
    "mutation by `GET`, or another method",
    "`Accept` allows no format",
    "media type, charset or encoding of the body",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=list(StatusMode))
async def client(
    demo_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[GatewayClient, StatusMode]]:
    """Yield a client of a gateway in each mode."""
    async with serve_in_process(
        demo_url, http_status=request.param, get_queries="on", answer_rows="100"
    ) as client:
        yield client, request.param


async def send_case(client: GatewayClient, case: str, accept: str) -> httpx.Response:
    """Send the request of a case."""
    token = {"Authorization": f"Token {client.tokens['staff']}"}
    headers = {**token, "Accept": accept, "Content-Type": "application/json"}
    if case in JSON_REQUESTS:
        return await client.http.post("/graphql", json=JSON_REQUESTS[case], headers=headers)
    if case.startswith("mutation"):
        return await client.http.get("/graphql?query=mutation{__typename}", headers=headers)
    if case.startswith("`Accept`"):
        headers["Accept"] = f"{accept};q=0"
    if case.startswith("media type"):
        headers["Content-Type"] = "application/json;charset=utf-16"
    return await client.http.post("/graphql", content=b"{", headers=headers)


def test_all_cases_are_documented() -> None:
    assert DOCUMENTED_STATUSES.keys() == JSON_REQUESTS.keys() | OTHER_CASES


@pytest.mark.parametrize("case", DOCUMENTED_STATUSES)
async def test_the_documented_statuses_are_current(
    client: tuple[GatewayClient, StatusMode], case: str
) -> None:
    gateway_client, mode = client
    json_status, graphql_response_status, draft_status = DOCUMENTED_STATUSES[case]
    is_draft = mode is StatusMode.DRAFT
    for accept, status in (
        ("application/json", json_status),
        ("application/graphql-response+json", graphql_response_status),
    ):
        response = await send_case(gateway_client, case, accept)
        assert response.status_code == (draft_status if is_draft else status), response.text

"""A server with default settings: what a scanner for GraphQL servers looks for is not there.

The checks are those of graphql-cop 1.15, each with the condition under which it reports a hit.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from tests.support.gateway_server import GatewayClient, serve_in_process

CIRCLE = "fields { type { " * 4 + "name" + " } }" * 4


def find_text(response: httpx.Response, *texts: str) -> bool:
    """Return whether a response contains one of some texts."""
    return any(text in response.text for text in texts)


def find_typename(response: httpx.Response) -> bool:
    """Return whether a response is the result of `{ __typename }`."""
    return _get(_decode(response), "data", "__typename") is not None


def _decode(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _get(value: Any, *path: str | int) -> Any:
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


@dataclass(frozen=True)
class ScannerCheck:
    """A check of the scanner."""

    is_hit: Callable[[httpx.Response], bool]
    query: str = "query cop { __typename }"
    method: str = "POST"
    is_batch: bool = False
    media_type: str = "application/json"
    accept: str = "*/*"


CHECKS = {
    "alias overloading": ScannerCheck(
        lambda response: _get(_decode(response), "data", "alias100") is not None,
        f"query cop {{ {' '.join(f'alias{number}:__typename' for number in range(101))} }}",
    ),
    "batch query": ScannerCheck(lambda response: len(_decode(response) or ()) >= 10, is_batch=True),
    "directive overloading": ScannerCheck(
        lambda response: len(_get(_decode(response), "errors") or ()) == 10,
        f"query cop {{ __typename {'@aa' * 10} }}",
    ),
    "circular introspection": ScannerCheck(
        lambda response: len(_get(_decode(response), "data", "__schema", "types") or ()) > 25,
        f"query cop {{ __schema {{ types {{ {CIRCLE} }} }} }}",
    ),
    "introspection": ScannerCheck(
        lambda response: bool(_get(_decode(response), "data", "__schema", "types")),
        "query cop { __schema { types { name fields { name } } } }",
    ),
    "queries over GET": ScannerCheck(find_typename, method="GET"),
    "mutations over GET": ScannerCheck(find_typename, "mutation cop {__typename}", "GET"),
    "forms": ScannerCheck(find_typename, media_type="application/x-www-form-urlencoded"),
    "field suggestions": ScannerCheck(
        lambda response: find_text(response, "Did you mean"), "query cop { __schema { directive } }"
    ),
    "GraphiQL": ScannerCheck(
        lambda response: find_text(response, "GraphiQL", "GraphQL Playground", "graphiql.min.css"),
        method="GET",
        accept="text/html",
    ),
    "traces": ScannerCheck(lambda response: find_text(response, "tracing")),
    "unhandled errors": ScannerCheck(
        lambda response: find_text(response, "exception", "Traceback"), "qwerty cop { abc }"
    ),
}


async def run_check(client: GatewayClient, check: ScannerCheck, **headers: str) -> httpx.Response:
    """Send the request of a check."""
    request_headers = {"Accept": check.accept, **headers}
    if check.method == "GET":
        parameters = {} if check.accept == "text/html" else {"query": check.query}
        return await client.http.get("/graphql", params=parameters, headers=request_headers)
    request = {"query": check.query, "operationName": "cop"}
    request_headers["Content-Type"] = check.media_type
    if check.media_type != "application/json":
        form = httpx.QueryParams({"query": check.query})
        return await client.http.post("/graphql", content=str(form), headers=request_headers)
    body = msgspec.json.encode([request] * 10 if check.is_batch else request)
    return await client.http.post("/graphql", content=body, headers=request_headers)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(demo_url: str) -> AsyncIterator[GatewayClient]:
    """Yield a client of a gateway with default settings."""
    async with serve_in_process(demo_url) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dev_client(demo_url: str) -> AsyncIterator[GatewayClient]:
    """Yield a client of a gateway that is open for developers."""
    async with serve_in_process(demo_url, dev="on") as client:
        yield client


@pytest.mark.parametrize("username", [None, "member"])
@pytest.mark.parametrize("name", CHECKS)
async def test_scanner_finds_nothing(
    client: GatewayClient, name: str, username: str | None
) -> None:
    headers = {} if username is None else {"Authorization": f"Token {client.tokens[username]}"}
    response = await run_check(client, CHECKS[name], **headers)
    assert not CHECKS[name].is_hit(response), response.text[:500]
    assert response.status_code < 500


@pytest.mark.parametrize("name", ["introspection", "field suggestions", "GraphiQL"])
async def test_checks_can_hit(dev_client: GatewayClient, name: str) -> None:
    response = await run_check(dev_client, CHECKS[name])
    assert CHECKS[name].is_hit(response), response.text[:500]


@pytest.mark.parametrize(
    ("introspection", "allowed_users"),
    [
        ("auto", {"staff"}),
        ("staff", {"staff"}),
        ("all", {"staff", "support", "member", None}),
        ("off", set()),
    ],
)
async def test_who_may_query_the_schema(
    demo_url: str, introspection: str, allowed_users: set[str | None]
) -> None:
    async with serve_in_process(demo_url, introspection=introspection) as client:
        for username in ("staff", "support", "member", None):
            result = await client.execute_query("{ __schema { queryType { name } } }", username)
            is_allowed = username in allowed_users
            assert ("data" in result) is is_allowed, (username, result)
            if not is_allowed:
                assert "introspection" in result["errors"][0]["message"].lower()
            # what client libraries and graphql-http's audits need
            typename = await client.execute_query('{ __type(name: "Query") { name } }', username)
            assert typename == {"data": {"__type": {"name": "Query"}}}

"""GATEWAY_ROOT_PATH: everything works below a path, whether a proxy strips it or not."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.graphiql.test_page import PageElements
from tests.http.test_cors import PORTAL_ORIGIN, PREFLIGHT
from tests.http.test_request_body_uploads import (
    PDF_CONTENT,
    multipart_fields,
    renewal_operation,
    send_multipart,
)
from tests.support.gateway_server import run_gateway_process
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo
from tests.transports.streaming_server import ServedGateway, open_websocket, serve_gateway

ROOT_PATH = "/api/gateway"
PREFIXES = [ROOT_PATH, ""]
"""What is left of the root path by a proxy that forwards it, and by one that strips it."""
ORDER_QUERY = "query ($uuid: UUID!) { order(uuid: $uuid) { attachment } }"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that is published below a path."""
    async with serve_mutable_demo(
        new_database(), root_path=f"{ROOT_PATH}/", origins=PORTAL_ORIGIN, graphiql="on"
    ) as mutable_demo:
        yield mutable_demo


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(new_database: DatabaseFactory, demo_url: str) -> AsyncIterator[ServedGateway]:
    """Yield a gateway that is published below a path, on a port."""
    async with serve_gateway(demo_url, root_path=ROOT_PATH) as served_gateway:
        yield served_gateway


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_queries_are_answered(demo: MutableDemo, prefix: str) -> None:
    http = demo.client.http
    response = await http.post(f"{prefix}/graphql", json={"query": "{ __typename }"})
    assert response.json() == {"data": {"__typename": "Query"}}
    assert (await http.get(f"{prefix}/graphql")).status_code == 405
    assert (await http.options(f"{prefix}/graphql", headers=PREFLIGHT)).status_code == 204


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_health_and_metrics(demo: MutableDemo, prefix: str) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        assert (await demo.client.http.get(prefix + path)).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/graphql",
        "/gateway/graphql",
        "/api/gatewaygraphql",
        "/api/gateway2/graphql",
        "/api/gateway/api/gateway/graphql",
        "/API/gateway/graphql",
        "/api//gateway/graphql",
    ],
)
async def test_other_paths_are_not_found(demo: MutableDemo, path: str) -> None:
    assert (await demo.client.http.post(path, json={})).status_code == 404


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_graphiql_loads_its_files_below_the_path(demo: MutableDemo, prefix: str) -> None:
    for path in (f"{prefix}/graphql", f"{prefix}/graphql/"):
        page = await demo.client.http.get(path, headers={"Accept": "text/html"})
        urls = PageElements(page.text).list_urls(path)
        assert len(urls) == 9
        for url in urls:
            assert url.startswith(f"{prefix}/graphql/ide/")
            assert (await demo.client.http.get(url)).status_code == 200


async def test_redirects_name_no_host(demo: MutableDemo) -> None:
    for path in ("/", ROOT_PATH, f"{ROOT_PATH}/"):
        location = (await demo.client.http.get(path)).headers["Location"]
        assert (urlsplit(location).netloc, location) == ("", f"{ROOT_PATH}/graphql")


async def test_attachments_have_the_public_path(demo: MutableDemo) -> None:
    resource, *_ = await demo.find_operable_resources("RENEW_RESOURCE")
    fields = multipart_fields(renewal_operation(resource), file=PDF_CONTENT)
    order = (await send_multipart(demo, fields)).json()["data"]["renewResource"]["order"]["uuid"]
    result = await demo.client.execute_query(ORDER_QUERY, uuid=order)
    path = result["data"]["order"]["attachment"]
    assert path == f"{ROOT_PATH}/attachments/{order}.pdf"
    headers = {"Authorization": f"Token {demo.client.tokens['staff']}"}
    for each in (path, path.removeprefix(ROOT_PATH)):
        response = await demo.client.http.get(each, headers=headers)
        assert (response.status_code, response.content) == (200, PDF_CONTENT)
        assert (await demo.client.http.options(each, headers=PREFLIGHT)).status_code == 204


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_websockets_are_served(gateway: ServedGateway, prefix: str) -> None:
    uri = f"ws://127.0.0.1:{gateway.port}{prefix}/graphql"
    async with open_websocket(gateway, uri=uri) as websocket:
        await websocket.init_connection()


def test_the_command_prints_the_url_below_the_path(demo_url: str) -> None:
    with run_gateway_process(database_url=demo_url, root_path=ROOT_PATH) as process:
        assert urlsplit(process.url).path == ROOT_PATH
        response = httpx.post(f"{process.url}/graphql", json={"query": "{ __typename }"})
    assert response.json() == {"data": {"__typename": "Query"}}

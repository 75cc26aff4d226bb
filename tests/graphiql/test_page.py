"""The GraphiQL page and its static files over HTTP."""

import json
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.graphiql.page import STATIC_DIRECTORY, ExampleQuery, build_static_routes, render_page
from tests.graphiql.browser_session import serve_app

BREAKOUT_QUERY = 'query A { a(b: "</script><script>alert(1)</script><!--") }'
BREAKOUT_EXAMPLE = ExampleQuery("</ScRiPt ><b>\u2028", BREAKOUT_QUERY, '{"c": "</script>"}')
OWN_FILES = {"LICENSES.txt", "boot.js", "favicon.svg", "page.css"}
HEADERS = {"Authorization": "Token </script><script>alert(2)</script>"}


class PageElements(HTMLParser):
    """The elements of the page and its configuration, as a browser parses them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.config_json = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record the element."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Record the text of the element with the configuration."""
        if self.tags and self.tags[-1][1].get("id") == "config":
            self.config_json += data

    def list_urls(self, page_url: str = "/graphql") -> list[str]:
        """Return the URLs that the page at `page_url` loads."""
        urls = [attrs.get("src") or attrs.get("href") for _, attrs in self.tags]
        return [urljoin(page_url, address) for address in urls if address]


def parse_page(
    headers: dict[str, str] | None = None, examples: Sequence[ExampleQuery] = ()
) -> PageElements:
    page_body = render_page(headers=headers, examples=examples).body
    return PageElements(bytes(page_body).decode())


def find_files_url() -> str:
    """Return the URL of the folder of static files."""
    return parse_page().list_urls()[0].rpartition("/")[0]


async def serve_explorer(request: Request) -> Response:
    return render_page()


@pytest.fixture(scope="module")
def page_connection() -> Iterator[HTTPConnection]:
    app = Starlette(routes=[Route("/graphql", serve_explorer), *build_static_routes()])
    with serve_app(app) as address:
        http_connection = HTTPConnection(urlsplit(address).netloc)
        yield http_connection
        http_connection.close()


def request_path(
    page_connection: HTTPConnection, path: str, headers: dict[str, str] | None = None
) -> tuple[HTTPResponse, bytes]:
    """Request a path without normalising it, as most clients would do."""
    page_connection.request("GET", path, headers=headers or {})
    response = page_connection.getresponse()
    return response, response.read()


def test_content_security_policy_allows_only_the_own_host(page_connection: HTTPConnection) -> None:
    response, _ = request_path(page_connection, "/graphql")
    policy = str(response.headers["Content-Security-Policy"]).split("; ")
    assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'"} <= set(policy)
    assert {"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} <= set(policy)
    assert not any("http" in rule or "*" in rule or "unsafe-eval" in rule for rule in policy)
    assert response.headers["Cache-Control"] == "no-store"


def test_configuration_cannot_close_its_script_element() -> None:
    page_elements = parse_page(HEADERS, [BREAKOUT_EXAMPLE])
    assert len(page_elements.tags) == len(parse_page().tags)
    assert json.loads(page_elements.config_json) == {
        "endpoint": "graphql",
        "headers": HEADERS,
        "examples": [
            {
                "title": BREAKOUT_EXAMPLE.title,
                "query": BREAKOUT_QUERY,
                "variables": BREAKOUT_EXAMPLE.variables,
            }
        ],
    }


def test_page_has_no_inline_script() -> None:
    scripts = [attrs for tag, attrs in parse_page().tags if tag == "script"]
    assert [attrs["type"] for attrs in scripts if "src" not in attrs] == ["application/json"]


def test_each_loaded_file_is_served(page_connection: HTTPConnection) -> None:
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    urls = parse_page().list_urls()
    assert len(urls) == 9
    for url in urls:
        response, body = request_path(page_connection, url)
        assert response.status == 200
        assert str(response.headers["Content-Type"]).split(";")[0] == types[Path(url).suffix]
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert body == (STATIC_DIRECTORY / url.rpartition("/")[2]).read_bytes()


def test_a_cached_file_is_not_modified(page_connection: HTTPConnection) -> None:
    url = f"{find_files_url()}/boot.js"
    first_response, _ = request_path(page_connection, url)
    second_response, body = request_path(
        page_connection, url, {"If-None-Match": str(first_response.headers["ETag"])}
    )
    assert (second_response.status, body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/graphql/ide/../..",
        "/graphql/ide/boot.js",
        "/graphql/ide/0123456789abcdef/boot.js",
        "{files}/",
        "{files}/none.js",
        "{files}/../page.py",
        "{files}/../../page.py",
        "{files}/%2e%2e/page.py",
        "{files}/%2E%2E%2Fpage.py",
        "{files}/..%2fpage.py",
        "{files}/..%5cpage.py",
        "{files}/%252e%252e/page.py",
        "{files}/....//page.py",
        "{files}/../static/../page.py",
        "{files}//etc/passwd",
        "{files}/%2fetc%2fpasswd",
        "{files}/boot.js%00",
        "{files}/" + "long" * 1000,
    ],
)
def test_other_paths_are_not_found(page_connection: HTTPConnection, path: str) -> None:
    response, body = request_path(page_connection, path.format(files=find_files_url()))
    assert (response.status, body) == (404, b"Not Found")


def test_third_party_files_match_their_checksums() -> None:
    lines = map(str.split, (STATIC_DIRECTORY / "LICENSES.txt").read_text("utf-8").splitlines())
    listed_checksums = {
        line[0]: line[-1] for line in lines if line and re.fullmatch("[0-9a-f]{64}", line[-1])
    }
    assert listed_checksums == {
        name: sha256((STATIC_DIRECTORY / name).read_bytes()).hexdigest()
        for name in {file.name for file in STATIC_DIRECTORY.iterdir()} - OWN_FILES
    }

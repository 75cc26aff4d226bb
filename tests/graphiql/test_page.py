"""The explorer's page and files over HTTP."""

import json
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.graphiql.page import STATIC, Example, page, routes
from tests.graphiql.browser_session import served

BREAKOUT = 'query A { a(b: "</script><script>alert(1)</script><!--") }'
EXAMPLE = Example("</ScRiPt ><b>\u2028", BREAKOUT, '{"c": "</script>"}')
OURS = {"LICENSES.txt", "boot.js", "favicon.svg", "page.css"}
HEADERS = {"Authorization": "Token </script><script>alert(2)</script>"}


class Elements(HTMLParser):
    """The page as a browser reads it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep what stands in the element with the configuration."""
        if self.tags and self.tags[-1][1].get("id") == "config":
            self.data += data

    def addresses(self) -> list[str]:
        """Give what the page loads."""
        found = [attrs.get("src") or attrs.get("href") for _, attrs in self.tags]
        return [address for address in found if address]


def elements(headers: dict[str, str] | None = None, examples: Sequence[Example] = ()) -> Elements:
    body = page(headers=headers, examples=examples).body
    return Elements(bytes(body).decode())


def files() -> str:
    """Give the address of the folder with the page's files."""
    return elements().addresses()[0].rpartition("/")[0]


async def explorer(request: Request) -> Response:
    return page()


@pytest.fixture(scope="module")
def connection() -> Iterator[HTTPConnection]:
    app = Starlette(routes=[Route("/graphql", explorer), *routes()])
    with served(app) as address:
        opened = HTTPConnection(urlsplit(address).netloc)
        yield opened
        opened.close()


def ask(
    connection: HTTPConnection, path: str, headers: dict[str, str] | None = None
) -> tuple[HTTPResponse, bytes]:
    """Ask for a path as it is written, which most clients would tidy first."""
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    return answer, answer.read()


def test_the_page_may_only_use_its_own_host(connection: HTTPConnection) -> None:
    answer, _ = ask(connection, "/graphql")
    policy = str(answer.headers["Content-Security-Policy"]).split("; ")
    assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'"} <= set(policy)
    assert {"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} <= set(policy)
    assert not any("http" in rule or "*" in rule or "unsafe-eval" in rule for rule in policy)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_nothing_in_the_configuration_ends_its_element() -> None:
    found = elements(HEADERS, [EXAMPLE])
    assert len(found.tags) == len(elements().tags)
    assert json.loads(found.data) == {
        "endpoint": "/graphql",
        "headers": HEADERS,
        "examples": [{"title": EXAMPLE.title, "query": BREAKOUT, "variables": EXAMPLE.variables}],
    }


def test_no_script_stands_in_the_page_itself() -> None:
    scripts = [attrs for tag, attrs in elements().tags if tag == "script"]
    assert [attrs["type"] for attrs in scripts if "src" not in attrs] == ["application/json"]


def test_all_that_the_page_loads_is_served(connection: HTTPConnection) -> None:
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    addresses = elements().addresses()
    assert len(addresses) == 9
    for address in addresses:
        answer, body = ask(connection, address)
        assert answer.status == 200
        assert str(answer.headers["Content-Type"]).split(";")[0] == types[Path(address).suffix]
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert body == (STATIC / address.rpartition("/")[2]).read_bytes()


def test_a_file_that_the_browser_has_is_not_sent_again(connection: HTTPConnection) -> None:
    address = f"{files()}/boot.js"
    first, _ = ask(connection, address)
    again, body = ask(connection, address, {"If-None-Match": str(first.headers["ETag"])})
    assert (again.status, body) == (304, b"")


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
def test_nothing_but_the_files_is_served(connection: HTTPConnection, path: str) -> None:
    answer, body = ask(connection, path.format(files=files()))
    assert (answer.status, body) == (404, b"Not Found")


def test_every_file_from_elsewhere_is_the_one_that_is_listed() -> None:
    lines = map(str.split, (STATIC / "LICENSES.txt").read_text("utf-8").splitlines())
    listed = {
        line[0]: line[-1] for line in lines if line and re.fullmatch("[0-9a-f]{64}", line[-1])
    }
    assert listed == {
        name: sha256((STATIC / name).read_bytes()).hexdigest()
        for name in {file.name for file in STATIC.iterdir()} - OURS
    }

"""The GraphiQL page and its static files.

The page loads nothing from other hosts, and its Content-Security-Policy forbids requests to them.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC_DIRECTORY: Final = Path(__file__).parent / "static"
"""The folder of the static files; its LICENSES.txt lists the origin of each."""

_CONTENT_SECURITY_POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",  # CodeMirror and React set inline styles
    "img-src": "'self' data:",
    "font-src": "'self' data:",
    "connect-src": "'self'",  # includes WebSockets of the same host
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}

_RESPONSE_HEADERS: Final = {
    "Content-Security-Policy": "; ".join(
        f"{directive} {sources}" for directive, sources in _CONTENT_SECURITY_POLICY.items()
    ),
    "Vary": "Accept",  # other clients get other responses at the same URL
    "Cache-Control": "no-store",  # the page may contain the token of the default headers
}

_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""Media types by file suffix, independent of the machine's own list."""

_PAGE_TEMPLATE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Marketplace gateway</title>
<link rel="icon" href="{files}/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{files}/graphiql.css">
<link rel="stylesheet" href="{files}/explorer.css">
<link rel="stylesheet" href="{files}/page.css">
<script type="application/json" id="config">{config}</script>
<script src="{files}/react.js" defer></script>
<script src="{files}/react-dom.js" defer></script>
<script src="{files}/graphiql.js" defer></script>
<script src="{files}/explorer.js" defer></script>
<script src="{files}/boot.js" defer></script>
</head>
<body>
<div id="ide"><p class="notice">Loading GraphiQL …</p></div>
<noscript><p class="notice">GraphiQL needs JavaScript; the API itself does not.</p></noscript>
</body>
</html>
"""


@dataclass(frozen=True)
class ExampleQuery:
    """An example query, which opens in a tab of its own."""

    title: str
    """What the query shows; printed above it as a comment."""

    query: str
    """The GraphQL document; its operation's name is the tab's title."""

    variables: str = ""
    """The variables as JSON; empty for none."""


class _ImmutableFiles(StaticFiles):
    """Static files, which browsers may cache forever: their URL contains a hash of the contents."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a response with the file, its media type and headers that allow caching."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        if response.status_code != HTTPStatus.NOT_MODIFIED:
            response.headers["Content-Type"] = _MEDIA_TYPES[Path(full_path).suffix]
        return response


def build_static_routes() -> list[BaseRoute]:
    """Return the routes that serve the static files."""
    files = _ImmutableFiles(directory=STATIC_DIRECTORY)
    return [Mount(f"/{_compute_files_url('graphql')}", files)]


def render_page(
    *,
    endpoint: str = "graphql",
    headers: Mapping[str, str] | None = None,
    examples: Sequence[ExampleQuery] = (),
) -> HTMLResponse:
    """Return the page, which sends queries to `endpoint` and enters `headers` at each visit.

    `endpoint` is relative to the page's URL, so that the page works below every path.
    """
    config = {
        "endpoint": endpoint,
        "headers": dict(headers) if headers else None,
        "examples": [asdict(example) for example in examples],
    }
    # Without "<", no text can end the script element that contains it.
    config_json = json.dumps(config).replace("<", "\\u003c")
    return HTMLResponse(
        _PAGE_TEMPLATE.format(files=_compute_files_url(endpoint), config=config_json),
        headers=_RESPONSE_HEADERS,
    )


def _compute_files_url(endpoint: str) -> str:
    """Return the URL of the static files, which contains a hash of their contents."""
    return f"{endpoint}/ide/{_compute_files_hash()}"


@cache
def _compute_files_hash() -> str:
    digest = sha256()
    for path in sorted(STATIC_DIRECTORY.iterdir()):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]

"""Update the responses in docs/schema.md: each query is executed on a demo marketplace.

    python -m tools.tour

Values that differ between demos are replaced by `…`.
"""

import asyncio
import json
import re
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from gateway.demo.marketplace.fill import create_marketplace
from gateway.demo.postgres import EmbeddedPostgres
from tests.support.marketplaces import Marketplace, open_marketplace

PAGE_PATH = Path(__file__).parents[1] / "docs" / "schema.md"
DEMO_DAY = date(2026, 1, 15)
"""The date of the demo, which determines its data."""
EXAMPLE_PATTERN = re.compile(r"```graphql as=(\w+)\n(.*?)```\n(?:\n```json\n.*?```\n)?", re.DOTALL)
VARYING_TEXT_PATTERN = re.compile(r"\d{4}-\d\d-\d\d(T.*)?|[\w+/=-]{24,}")
"""Dates, times, ids and cursors."""
MAX_LINE_CHARS = 100


def create_tour_demo(url: str) -> None:
    """Create the demo marketplace of the page in an empty database."""
    with psycopg.connect(url) as connection:
        create_marketplace(connection, resource_count=600, seed=1, day=DEMO_DAY)


async def render_answer(
    marketplace: Marketplace, username: str, document: str, remembered_values: dict[str, Any]
) -> str:
    """Return the response as the page shows it; variables are values of earlier responses."""
    names = re.findall(r"\$(\w+):", document)
    body = await marketplace.execute_query(
        document, username, **{name: remembered_values[name] for name in names}
    )
    _remember_values(body, remembered_values)
    return _format_json(_mask_varying_values(body))


def _remember_values(body: Any, remembered_values: dict[str, Any]) -> None:
    """Store a cursor and an id of a response for the variables of later queries."""
    resources = (body.get("data") or {}).get("resources") or {}
    if (resources.get("pageInfo") or {}).get("endCursor"):
        remembered_values["after"] = resources["pageInfo"]["endCursor"]
    for node in resources.get("nodes", ()):
        if "id" in node:
            remembered_values["id"] = node["id"]


def _mask_varying_values(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _mask_varying_values(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_mask_varying_values(item) for item in value]
    return "…" if isinstance(value, str) and VARYING_TEXT_PATTERN.fullmatch(value) else value


def _format_json(value: Any, indent: str = "") -> str:
    """Return JSON with short values on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= MAX_LINE_CHARS or not isinstance(value, (dict, list)):
        return line
    inner_indent = f"{indent}  "
    if isinstance(value, dict):
        items = [
            f"{json.dumps(name)}: {_format_json(item, inner_indent)}"
            for name, item in value.items()
        ]
        brackets = "{}"
    else:
        items, brackets = [_format_json(item, inner_indent) for item in value], "[]"
    inner = ",\n".join(f"{inner_indent}{item}" for item in items)
    return f"{brackets[0]}\n{inner}\n{indent}{brackets[1]}"


async def render_tour_page(marketplace: Marketplace) -> str:
    """Return the page with the current responses."""
    text, remembered_values = PAGE_PATH.read_text(encoding="utf-8"), dict[str, Any]()
    parts, position = [], 0
    for match in EXAMPLE_PATTERN.finditer(text):
        username, document = match.groups()
        answer_json = await render_answer(marketplace, username, document, remembered_values)
        example = f"```graphql as={username}\n{document}```\n\n```json\n{answer_json}\n```\n"
        parts += [text[position : match.start()], example]
        position = match.end()
    return "".join([*parts, text[position:]])


async def main() -> None:
    """Update the page."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres.start(Path(folder) / "data") as server,
    ):
        create_tour_demo(server.url)
        async with open_marketplace(server.url) as marketplace:
            PAGE_PATH.write_text(await render_tour_page(marketplace), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())

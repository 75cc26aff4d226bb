"""Writes the answers in docs/schema.md anew: each query is asked of a demo marketplace.

    python -m tools.tour

What differs from one demo to the next is written as `…`.
"""

import asyncio
import json
import re
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from gateway.demo.marketplace.fill import make
from gateway.demo.postgres import Postgres
from tests.support.marketplaces import Marketplace, opened

PAGE = Path(__file__).parents[1] / "docs" / "schema.md"
DAY = date(2026, 1, 15)
"""The day of the demo, which decides what is in it."""
SHOWN = re.compile(r"```graphql as=(\w+)\n(.*?)```\n(?:\n```json\n.*?```\n)?", re.DOTALL)
VARYING = re.compile(r"\d{4}-\d\d-\d\d(T.*)?|[\w+/=-]{24,}")
"""Days, moments, ids and cursors."""
WIDTH = 100


def demo(url: str) -> None:
    """Make the demo marketplace that the tour is about, in an empty database."""
    with psycopg.connect(url) as connection:
        make(connection, resources=600, seed=1, day=DAY)


async def told(marketplace: Marketplace, as_: str, document: str, known: dict[str, Any]) -> str:
    """Give the answer to a query as the page tells it; `known` is from the answers before."""
    names = re.findall(r"\$(\w+):", document)
    answer = await marketplace.ask(document, as_, **{name: known[name] for name in names})
    _learn(answer, known)
    return _written(_told(answer))


def _learn(answer: Any, known: dict[str, Any]) -> None:
    """Remember a cursor and an id that another query may start from."""
    resources = (answer.get("data") or {}).get("resources") or {}
    if (resources.get("pageInfo") or {}).get("endCursor"):
        known["after"] = resources["pageInfo"]["endCursor"]
    for node in resources.get("nodes", ()):
        if "id" in node:
            known["id"] = node["id"]


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _told(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_told(each) for each in value]
    return "…" if isinstance(value, str) and VARYING.fullmatch(value) else value


def _written(value: Any, indent: str = "") -> str:
    """Write JSON, short things in one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= WIDTH or not isinstance(value, (dict, list)):
        return line
    below = f"{indent}  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(n)}: {_written(e, below)}" for n, e in value.items()]
        ends = "{}"
    else:
        parts, ends = [_written(each, below) for each in value], "[]"
    inner = ",\n".join(f"{below}{each}" for each in parts)
    return f"{ends[0]}\n{inner}\n{indent}{ends[1]}"


async def page(marketplace: Marketplace) -> str:
    """Give the page with the answers that come."""
    text, known = PAGE.read_text(encoding="utf-8"), dict[str, Any]()
    done, last = [], 0
    for found in SHOWN.finditer(text):
        as_, document = found.groups()
        answer = await told(marketplace, as_, document, known)
        shown = f"```graphql as={as_}\n{document}```\n\n```json\n{answer}\n```\n"
        done += [text[last : found.start()], shown]
        last = found.end()
    return "".join([*done, text[last:]])


async def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder, Postgres.at(Path(folder) / "data") as server:
        demo(server.url)
        async with opened(server.url) as marketplace:
            PAGE.write_text(await page(marketplace), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())

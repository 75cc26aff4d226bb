"""A real browser on a real server: what the tests of the explorer do and see."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from threading import Thread
from time import monotonic, sleep
from typing import Literal
from urllib.parse import urlsplit

import uvicorn
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    async_playwright,
    expect,
)
from starlette.types import ASGIApp

_NAMES = ("chromium", "chromium-browser", "google-chrome")

_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Area = Literal["query", "variables", "headers", "response"]

_AREAS: Mapping[Area, str] = {
    "query": ".graphiql-query-editor",
    "variables": "[aria-label=Variables] .graphiql-editor:not(.hidden)",
    "headers": "[aria-label=Headers] .graphiql-editor:not(.hidden)",
    "response": ".result-window",
}


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve `app` on a free port of this machine, and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        until = monotonic() + 10
        while not server.started:
            assert monotonic() < until, "the server did not start"
            sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start the Chromium that is on the PATH."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    assert found, "there is no Chromium on the PATH: run `make browser`"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Visit:
    """The explorer, open in a browser."""

    page: Page
    posts: list[Request] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._requested)
        self.page.on("websocket", lambda opened: self.addresses.append(opened.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._said)

    def text(self, area: Area) -> Locator:
        """Give the text that stands in a part of the page."""
        return self.page.locator(f"{_AREAS[area]} .CodeMirror-code")

    async def open(self, url: str) -> None:
        """Open the explorer at `url`, until queries can be sent."""
        await self.page.goto(url)
        await expect(self.page.get_by_label("Execute query")).to_be_visible()

    async def press(self, label: str) -> None:
        """Press the button of that name."""
        await self.page.get_by_role("button", name=label).click()

    async def turn_to(self, operation: str) -> None:
        """Turn to the tab of that operation, until GraphiQL would send it."""
        await self.page.get_by_role("tab", name=operation).click()
        await self.kept("operationName", operation)

    async def take_from_history(self, operation: str) -> None:
        """Take a query that was sent before back into the editor; the last of equal ones."""
        await self.press("Show History")
        labels = self.page.locator(".graphiql-history-item-label")
        await labels.get_by_text(operation).first.click()
        await self.kept("operationName", operation)

    async def execute(self, answer: str) -> Request:
        """Send the query that is shown, wait for `answer`, and give the last post."""
        await self.press("Execute query")
        await expect(self.text("response")).to_contain_text(answer)
        return self.posts[-1]

    async def kept(self, key: str, part: str) -> str:
        """Wait until the browser keeps `part` under `key`, and give all that it keeps as JSON."""
        until = monotonic() + 5
        while True:
            everything = str(await self.page.evaluate("JSON.stringify(localStorage)"))
            if part in json.loads(everything).get(f"graphiql:{key}", ""):
                return everything
            assert monotonic() < until, f"{key} has no {part}: {everything}"
            await asyncio.sleep(0.05)

    def _requested(self, request: Request) -> None:
        self.addresses.append(request.url)
        if request.method == "POST":
            self.posts.append(request)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


@asynccontextmanager
async def visit(
    browser: Browser, url: str, scheme: Literal["light", "dark"] = "light"
) -> AsyncIterator[Visit]:
    """Visit the explorer for the first time; in the end it asked no other host, without errors."""
    async with await browser.new_context(color_scheme=scheme) as context:
        seen = Visit(await context.new_page())
        await seen.open(url)
        yield seen
    assert {urlsplit(address).netloc for address in seen.addresses} == {urlsplit(url).netloc}
    assert not seen.complaints, seen.complaints


async def explores(
    browser: Browser, url: str, *, answer: str, headers: Mapping[str, str], field: str
) -> None:
    """Check that the explorer at `url` can be used.

    The first example is answered with `answer`, `headers` are filled in and sent, and the panel of
    fields offers `field`.
    """
    async with visit(browser, url) as seen:
        await expect(seen.text("query")).to_contain_text("# ")
        request = await seen.execute(answer)
        await seen.press("Headers")
        for name, value in headers.items():
            await expect(seen.text("headers")).to_contain_text(f'"{name}": "{value}"')
            assert request.headers[name.lower()] == value
        await seen.press("Show GraphiQL Explorer")
        await expect(seen.page.locator(".graphiql-explorer-root")).to_contain_text(field)

"""A real browser on a real server: actions on the GraphiQL page, and its observed requests."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from threading import Thread
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

from tests.support.time_limits import block_until, scale_seconds, time_limit

_BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome")

_BROWSER_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

PageArea = Literal["query", "variables", "headers", "response"]

_AREA_SELECTORS: Mapping[PageArea, str] = {
    "query": ".graphiql-query-editor",
    "variables": "[aria-label=Variables] .graphiql-editor:not(.hidden)",
    "headers": "[aria-label=Headers] .graphiql-editor:not(.hidden)",
    "response": ".result-window",
}


@contextmanager
def serve_app(app: ASGIApp) -> Iterator[str]:
    """Serve `app` on a free local port; yield its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        block_until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=scale_seconds(10))


@asynccontextmanager
async def launch_chromium() -> AsyncIterator[Browser]:
    """Start the Chromium on the PATH; yield the browser."""
    executable = next(filter(None, map(shutil.which, _BROWSER_NAMES)), None)
    assert executable, "there is no Chromium on the PATH: run `make browser`"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=_BROWSER_ARGUMENTS
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class BrowserSession:
    """The GraphiQL page, open in a browser."""

    page: Page
    post_requests: list[Request] = field(default_factory=list)
    requested_urls: list[str] = field(default_factory=list)
    console_errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(1000 * scale_seconds(30))
        expect.set_options(timeout=1000 * scale_seconds(5))
        self.page.on("request", self._record_request)
        self.page.on("websocket", lambda opened: self.requested_urls.append(opened.url))
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        self.page.on("console", self._record_console_message)

    def locate_text(self, area: PageArea) -> Locator:
        """Return a locator of the text in an area of the page."""
        return self.page.locator(f"{_AREA_SELECTORS[area]} .CodeMirror-code")

    async def open_explorer(self, url: str) -> None:
        """Open the page at `url` and wait until queries can be sent."""
        await self.page.goto(url)
        await expect(self.page.get_by_label("Execute query")).to_be_visible()

    async def press_button(self, label: str) -> None:
        """Press the button with this label."""
        await self.page.get_by_role("button", name=label).click()

    async def enter_headers(self, headers: Mapping[str, str]) -> None:
        """Replace the headers in the headers editor."""
        await self.press_button("Headers")
        editor = self.page.locator("[aria-label=Headers] .graphiql-editor:not(.hidden) .CodeMirror")
        await editor.evaluate("(it, text) => it.CodeMirror.setValue(text)", json.dumps(headers))

    async def select_tab(self, operation: str) -> None:
        """Select the tab of an operation and wait until GraphiQL would execute it.

        A click on a page that is still being built is lost, so it is repeated.
        """
        tab = self.page.get_by_role("tab", name=operation)
        async with time_limit(5, f"the tab of {operation}"):
            while operation not in (await self._read_storage()).get("graphiql:operationName", ""):
                await tab.click()
                await asyncio.sleep(0.2)

    async def load_from_history(self, operation: str) -> None:
        """Load the latest query with this operation from the history into the editor."""
        await self.press_button("Show History")
        labels = self.page.locator(".graphiql-history-item-label")
        await labels.get_by_text(operation).first.click()
        await self.wait_for_storage("operationName", operation)

    async def execute_query(self, expected_text: str) -> Request:
        """Execute the query in the editor, wait for a text, and return the last POST."""
        await self.press_button("Execute query")
        await expect(self.locate_text("response")).to_contain_text(expected_text)
        return self.post_requests[-1]

    async def wait_for_storage(self, key: str, expected_part: str) -> str:
        """Wait until local storage has `expected_part` under `key`; return all of it as JSON."""
        async with time_limit(5, f"{expected_part} in {key} of the local storage"):
            while True:
                storage = await self._read_storage()
                if expected_part in storage.get(f"graphiql:{key}", ""):
                    return json.dumps(storage)
                await asyncio.sleep(0.05)

    async def _read_storage(self) -> dict[str, str]:
        storage_json = str(await self.page.evaluate("JSON.stringify(localStorage)"))
        storage: dict[str, str] = json.loads(storage_json)
        return storage

    def _record_request(self, request: Request) -> None:
        self.requested_urls.append(request.url)
        if request.method == "POST":
            self.post_requests.append(request)

    def _record_console_message(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.console_errors.append(message.text)


@asynccontextmanager
async def open_session(
    browser: Browser, url: str, scheme: Literal["light", "dark"] = "light"
) -> AsyncIterator[BrowserSession]:
    """Open the page in a new browser profile; yield the session.

    At the end check that the page sent no request to other hosts and logged no error.
    """
    async with await browser.new_context(color_scheme=scheme) as context:
        session = BrowserSession(await context.new_page())
        await session.open_explorer(url)
        yield session
    assert {urlsplit(address).netloc for address in session.requested_urls} == {
        urlsplit(url).netloc
    }
    assert not session.console_errors, session.console_errors


async def check_explorer(
    browser: Browser, url: str, *, expected_text: str, headers: Mapping[str, str], field: str
) -> None:
    """Check the page at `url`.

    The result of the first example contains `expected_text`, the editor of headers
    contains `headers`, which are sent, and the explorer panel offers `field`.
    """
    async with open_session(browser, url) as session:
        await expect(session.locate_text("query")).to_contain_text("# ")
        request = await session.execute_query(expected_text)
        await session.press_button("Headers")
        for name, value in headers.items():
            await expect(session.locate_text("headers")).to_contain_text(f'"{name}": "{value}"')
            assert request.headers[name.lower()] == value
        await session.press_button("Show GraphiQL Explorer")
        await expect(session.page.locator(".graphiql-explorer-root")).to_contain_text(field)

"""curl, which asks for HTTP/2 by `Upgrade: h2c`, or speaks it without asking."""

import asyncio
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.support.time_limits import scale_seconds
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    VIEWER_QUERY,
    ServedGateway,
    wait_for_subscribers,
)

WRITE_OUT = "\n%{http_version} %{http_code} %{num_connects}\n"
"""What curl prints after each response; the last is the number of new connections."""
VIEWER_RESPONSE = '{"data":{"viewer":{"user":{"username":"staff"}}}}'
TIMED_OUT = 28
"""Exit status of curl after its time-out."""


@cache
def find_curl() -> str | None:
    """Return the path of a curl with HTTP/2."""
    path = shutil.which("curl")
    if path is None:
        return None
    process = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    return path if "HTTP2" in process.stdout.split() else None


CURL_PATH = find_curl()
pytestmark = pytest.mark.skipif(CURL_PATH is None, reason="No curl with HTTP/2 is installed.")


async def start_curl(gateway: ServedGateway, *arguments: str) -> asyncio.subprocess.Process:
    """Start curl with the token of staff."""
    assert CURL_PATH is not None
    limit = str(scale_seconds(10))
    header = f"Authorization: {gateway.create_auth_header()['Authorization']}"
    return await asyncio.create_subprocess_exec(
        *(CURL_PATH, "--disable", "--noproxy", "*", "--silent", "--no-buffer", "--max-time", limit),
        *("--header", header, *arguments),
        stdout=asyncio.subprocess.PIPE,
    )


async def run_curl(gateway: ServedGateway, *arguments: str) -> list[str]:
    """Run curl; return the lines that it prints."""
    process = await start_curl(gateway, "--write-out", WRITE_OUT, *arguments)
    output, _ = await process.communicate()
    assert process.returncode == 0, (process.returncode, output)
    return output.decode().splitlines()


def post_json(body: str) -> tuple[str, ...]:
    """Return the arguments of a request by POST."""
    return ("--header", "Content-Type: application/json", "--data", body)


@pytest.mark.parametrize("option", ["--http2", "--http1.1", "--http1.0"])
async def test_requests_of_one_connection(gateway: ServedGateway, option: str) -> None:
    body = json.dumps({"query": VIEWER_QUERY})
    lines = await run_curl(gateway, option, *post_json(body), gateway.url, gateway.url)
    connects = "1" if option == "--http1.0" else "0"
    assert lines == [VIEWER_RESPONSE, "1.1 200 1", VIEWER_RESPONSE, f"1.1 200 {connects}"]


async def test_get_with_http2(gateway: ServedGateway) -> None:
    address = gateway.url.removesuffix("/graphql")
    lines = await run_curl(gateway, "--http2", f"{address}/livez", gateway.url)
    assert [each for each in lines if each.startswith("1.1 ")] == ["1.1 200 1", "1.1 405 0"]


async def test_long_body_with_http2(gateway: ServedGateway, tmp_path: Path) -> None:
    payload = {"query": VIEWER_QUERY, "extensions": {"padding": "x" * 900_000}}
    path = tmp_path / "body.json"
    path.write_text(json.dumps(payload))
    for header in ("Expect: 100-continue", "Transfer-Encoding: chunked"):
        arguments = ("--header", header, *post_json(f"@{path}"))
        lines = await run_curl(gateway, "--http2", *arguments, gateway.url, gateway.url)
        assert lines == [VIEWER_RESPONSE, "1.1 200 1", VIEWER_RESPONSE, "1.1 200 0"]


async def test_stream_with_http2(gateway: ServedGateway) -> None:
    body = json.dumps({"query": RESOURCE_CHANGED_SUBSCRIPTION})
    arguments = ("--header", "Accept: text/event-stream", *post_json(body), gateway.url)
    process = await start_curl(gateway, "--http2", *arguments)
    assert process.stdout is not None
    try:
        await wait_for_subscribers(gateway)
        uuid = gateway.rename_resource("for curl")
        await process.stdout.readuntil(b"event: next\n")
        line = await process.stdout.readline()
        assert json.loads(line.removeprefix(b"data: "))["data"]["resourceChanged"]["uuid"] == uuid
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    await wait_for_subscribers(gateway, 0)


async def test_prior_knowledge_fails_at_once(gateway: ServedGateway) -> None:
    """A client that sends HTTP/2 without asking fails before its time-out."""
    body = json.dumps({"query": VIEWER_QUERY})
    option = "--http2-prior-knowledge"
    process = await start_curl(gateway, option, *post_json(body), gateway.url)
    await process.communicate()
    assert process.returncode not in {0, TIMED_OUT}

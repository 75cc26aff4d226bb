"""Java's HttpClient, whose default settings ask each server for HTTP/2 by `Upgrade: h2c`."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import pytest

from tests.support.time_limits import time_limit
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    ServedGateway,
    wait_for_subscribers,
)
from tests.transports.test_transports_clients import CLIENTS_FOLDER

VIEWER_RESPONSE = '{"data":{"viewer":{"user":{"username":"staff"}}}}'
MUTATION_RESPONSE = '{"data":{"pullResource":{"__typename":"NotFound"}}}'
EXPECTED_RESPONSES = [
    ("query", "200", VIEWER_RESPONSE),
    ("again", "200", VIEWER_RESPONSE),
    ("long", "200", MUTATION_RESPONSE),
    ("chunked", "200", MUTATION_RESPONSE),
    ("continue", "200", MUTATION_RESPONSE),
    ("head", "405", ""),
    ("options", "204", ""),
    *[("parallel", "200", VIEWER_RESPONSE)] * 20,
]


@cache
def find_java() -> str | None:
    """Return the path of a Java that runs source files: 15 or later, with a compiler."""
    path = shutil.which("java")
    if path is None:
        return None
    process = subprocess.run([path, "--list-modules"], capture_output=True, text=True, check=False)
    modules = dict(line.split("@") for line in process.stdout.split() if "@" in line)
    version = modules.get("jdk.compiler", "0").partition(".")[0]
    return path if version.isdecimal() and int(version) >= 15 else None


class JavaClient:
    """The Java program, which prints lines of fields between tabs."""

    def __init__(self, stdout: asyncio.StreamReader) -> None:
        self._stdout = stdout

    async def read_fields(self) -> list[str]:
        """Return the fields of the next line."""
        async with time_limit(20, "the next line of the Java client"):
            line = await self._stdout.readline()
        return line.decode().rstrip("\n").split("\t")


@asynccontextmanager
async def run_java_client(java_path: str, gateway: ServedGateway) -> AsyncIterator[JavaClient]:
    """Run the Java program as staff."""
    arguments = (gateway.url, gateway.tokens["staff"], RESOURCE_CHANGED_SUBSCRIPTION)
    process = await asyncio.create_subprocess_exec(
        java_path, "JavaClient.java", *arguments, cwd=CLIENTS_FOLDER, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield JavaClient(process.stdout)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_java_client(gateway: ServedGateway) -> None:
    java_path = await asyncio.to_thread(find_java)
    if java_path is None:
        pytest.skip(
            "No Java 15 or later with a compiler is installed (Debian: openjdk-17-jdk-headless)."
        )
    async with run_java_client(java_path, gateway) as client:
        lines = [await client.read_fields() for _ in EXPECTED_RESPONSES]
        assert lines == [[name, "HTTP_1_1", *rest] for name, *rest in EXPECTED_RESPONSES]
        assert await client.read_fields() == ["subprotocol", "graphql-transport-ws"]
        assert await client.read_fields() == ["message", '{"type":"connection_ack"}']
        await wait_for_subscribers(gateway)
        uuid = gateway.rename_resource("for Java")
        _, message = await client.read_fields()
        event = json.loads(message)["payload"]["data"]["resourceChanged"]
        assert (event["uuid"], event["resource"]["name"]) == (uuid, "for Java")
        assert await client.read_fields() == ["closed", "1000"]
    await wait_for_subscribers(gateway, 0)

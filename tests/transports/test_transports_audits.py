"""The audits of npm's graphql-http: the GraphQL-over-HTTP specification of 2025."""

import asyncio
import json
from typing import Any

import pytest

from benchmarks import node
from tests.support.time_limits import time_limit
from tests.transports.streaming_server import ServedGateway, serve_gateway
from tests.transports.test_transports_clients import CLIENTS_FOLDER

AUDIT_COUNT = 61
GET_AUDITS = {"5A70", "D6D5", "6A70"}
"""Queries by GET, each of which a server MAY answer."""
INVALID_REQUEST_AUDITS = {
    "423L",
    *(f"{prefix}{number}" for prefix in ("LKJ", "6C0", "476", "58B") for number in range(4)),
    "3E3A",
}
"""Malformed requests, for which a server MAY use status 400; the draft says 422."""
REJECTED_DOCUMENT_AUDITS = {"572B", "FDE2", "7B9B", "86EE"}
"""Invalid documents and variables, for which a server SHOULD use 200 for JSON, and 400 else."""


async def run_audits(gateway: ServedGateway) -> list[Any]:
    """Run all audits; return their results."""
    node_path = await asyncio.to_thread(node.install_node, CLIENTS_FOLDER)
    process = await asyncio.create_subprocess_exec(
        node_path,
        "audits.mjs",
        gateway.url,
        gateway.tokens["staff"],
        cwd=CLIENTS_FOLDER,
        stdout=asyncio.subprocess.PIPE,
    )
    async with time_limit(60, "the audits"):
        output, _ = await process.communicate()
    results = [json.loads(line) for line in output.splitlines()]
    assert (process.returncode, len(results)) == (0, AUDIT_COUNT)
    return results


def list_failures(results: list[Any]) -> dict[str, str]:
    """Return the level of each failed audit: MUST, SHOULD or MAY."""
    return {
        each["id"]: each["name"].partition(" ")[0] for each in results if each["status"] != "ok"
    }


@pytest.mark.node
async def test_default_settings_pass_all_but_queries_by_get(gateway: ServedGateway) -> None:
    assert list_failures(await run_audits(gateway)) == dict.fromkeys(GET_AUDITS, "MAY")


@pytest.mark.node
@pytest.mark.parametrize("graphiql", ["on", "off"])
async def test_all_audits_pass_with_queries_by_get(url: str, graphiql: str) -> None:
    async with serve_gateway(url, get_queries="on", graphiql=graphiql) as gateway:
        assert list_failures(await run_audits(gateway)) == {}


@pytest.mark.node
async def test_the_newer_draft_differs_in_statuses(url: str) -> None:
    async with serve_gateway(url, get_queries="on", http_status="draft") as gateway:
        failures = list_failures(await run_audits(gateway))
    assert failures == {
        **dict.fromkeys(INVALID_REQUEST_AUDITS, "MAY"),
        **dict.fromkeys(REJECTED_DOCUMENT_AUDITS, "SHOULD"),
    }

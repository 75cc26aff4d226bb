"""A purchase order comes with a renewal, by a multipart request, and as a PDF only."""
# ruff: noqa: E501 - a line for each case

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.conftest import NewDatabase
from tests.support.mutable_demo import Changing, changing

PDF = b"%PDF-1.7\n1 0 obj << >> endobj\ntrailer << >>\n%%EOF\n"
RENEW = """mutation ($input: RenewResourceInput!) { renewResource(input: $input) {
    __typename ... on Accepted { order { uuid } } ... on Problem { message }
} }"""
PLACE = "variables.input.attachment"
PREFLIGHT = {"GraphQL-Preflight": "1"}
Files = list[tuple[str, Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: NewDatabase) -> AsyncIterator[Changing]:
    """Give a demo that may change."""
    async with changing(new_database()) as made:
        yield made


def operation(uuid: str, attachment: Any = None) -> str:
    """Write what is asked for."""
    given = {"uuid": uuid, "extensionMonths": 12, "attachment": attachment}
    return json.dumps({"query": RENEW, "variables": {"input": given}})


def parts(operations: str, map_: str = f'{{"0": ["{PLACE}"]}}', **files: bytes) -> Files:
    """Give the parts of a request."""
    sent = [("0" if name == "file" else name, content) for name, content in files.items()]
    return [
        ("operations", (None, operations)),
        ("map", (None, map_)),
        *((name, ("order.pdf", content, "application/pdf")) for name, content in sent),
    ]


async def send(
    demo: Changing, files: Files, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Send a multipart request as staff."""
    sent = {"Authorization": f"Token {demo.client.tokens['staff']}"}
    sent |= PREFLIGHT if headers is None else headers
    return await demo.client.http.post("/graphql", files=files, headers=sent)


@pytest.mark.parametrize("header", ["GraphQL-Preflight", "Apollo-Require-Preflight", "X-Requested-With"])  # fmt: skip
async def test_a_file_is_kept_with_the_order(demo: Changing, header: str) -> None:
    uuid = (await demo.able("RENEW_RESOURCE"))[0]
    answer = await send(demo, parts(operation(uuid), file=PDF), {header: "1"})
    order = answer.json()["data"]["renewResource"]["order"]["uuid"]
    ((path,),) = demo.sql("select attachment from marketplace_order where uuid = %s", order)
    ((kept,),) = demo.sql("select content from gateway.attachment where path = %s", path)
    assert bytes(kept) == PDF


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\3\4", PDF[:9], b"x" * 2000 + PDF])
async def test_what_is_no_pdf_is_refused(demo: Changing, content: bytes) -> None:
    uuid, before = (await demo.able("RENEW_RESOURCE"))[0], demo.digest()
    answer = await send(demo, parts(operation(uuid), file=content))
    assert answer.json()["data"]["renewResource"]["__typename"] == "InvalidInput"
    assert answer.json()["data"]["renewResource"]["message"] == "attachment: Give a PDF."
    assert demo.digest() == before


BAD: dict[str, tuple[Files, str]] = {
    "no operations": (parts("")[1:], "no field `operations`"),
    "no JSON": (parts("{", file=PDF), "no JSON"),
    "no map": (parts(operation("0" * 32))[:1], "no field `map`"),
    "an empty map": (parts(operation("0" * 32), "{}", file=PDF), "The field `map`"),
    "two places": (parts(operation("0" * 32), f'{{"0": ["{PLACE}", "{PLACE}"]}}', file=PDF), "The field `map`"),
    "no file": (parts(operation("0" * 32)), "no file called '0'"),
    "another file": (parts(operation("0" * 32), other=PDF), "no file called '0'"),
    "two files": (parts(operation("0" * 32), file=PDF, other=PDF), "Too many files"),
    "what takes none": (parts(operation("0" * 32), '{"0": ["variables.input.uuid"]}', file=PDF), "takes no file"),
    "a place that is taken": (parts(operation("0" * 32, "x"), file=PDF), "to have null"),
    "a place that is not there": (parts(operation("0" * 32), '{"0": ["variables.x.attachment"]}', file=PDF), "to have null"),
}  # fmt: skip
"""Requests that make no sense, and what is said of them."""


@pytest.mark.parametrize("name", BAD)
async def test_what_makes_no_sense_is_told(demo: Changing, name: str) -> None:
    files, told = BAD[name]
    answer = await send(demo, files)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (400, "BAD_USER_INPUT")
    assert told in error["message"]


OPTIONS = """mutation (%s) { updateResourceOptions(input: %s) { __typename } }"""
INPUT = {"uuid": "0" * 32, "options": {"attachment": None}}
ELSEWHERE = {
    "in options": (OPTIONS % ("$input: UpdateResourceOptionsInput!", "$input"), {"input": INPUT}, "variables.input.options.attachment"),
    "as options": (OPTIONS % ("$attachment: JSON", '{uuid: "UUID", options: $attachment}'), {"attachment": None}, "variables.attachment"),
    "as JSON below options": (OPTIONS % ("$attachment: JSON", '{uuid: "UUID", options: {a: [$attachment]}}'), {"attachment": None}, "variables.attachment"),
    "as a file below options": (OPTIONS % ("$attachment: Upload", '{uuid: "UUID", options: {a: [$attachment]}}'), {"attachment": None}, "variables.attachment"),
    "in limits": (RENEW, {"input": {"uuid": "0" * 32, "extensionMonths": 12, "limits": {"attachment": None}}}, "variables.input.limits.attachment"),
}  # fmt: skip
"""Files as what is no purchase order: the document, the variables, and the place."""


@pytest.mark.parametrize("name", ELSEWHERE)
async def test_a_file_is_taken_as_a_purchase_order_only(demo: Changing, name: str) -> None:
    query, variables, place = ELSEWHERE[name]
    uuid, before = (await demo.able("UPDATE_RESOURCE_OPTIONS"))[0], demo.digest()
    asked = json.dumps({"query": query.replace('"UUID"', f'"{uuid}"'), "variables": variables})
    files = parts(asked.replace("0" * 32, uuid), json.dumps({"0": [place]}), file=PDF)
    (error,) = (await send(demo, files)).json()["errors"]
    assert "A file is no JSON." in error["message"]
    assert demo.digest() == before


async def test_what_a_form_can_send_is_refused(demo: Changing) -> None:
    answer = await send(demo, parts(operation("0" * 32), file=PDF), {})
    assert answer.status_code == 400
    assert "GraphQL-Preflight" in answer.json()["errors"][0]["message"]


async def test_what_is_too_large_is_refused(demo: Changing) -> None:
    answer = await send(demo, parts(operation("0" * 32), file=b"x" * 11_000_000))
    assert answer.status_code == 413
    uuid = (await demo.able("RENEW_RESOURCE"))[0]
    large = PDF + b" " * (10 * 1024 * 1024) + b"%%EOF"
    answer = await send(demo, parts(operation(uuid), file=large))
    assert "at most 10 MB" in answer.json()["data"]["renewResource"]["message"]


async def test_a_file_as_a_text_is_refused(demo: Changing) -> None:
    given = {"uuid": "0" * 32, "extensionMonths": 12, "attachment": "x"}
    (error,) = (await demo.client.ask(RENEW, input=given))["errors"]
    assert "multipart request" in error["message"]

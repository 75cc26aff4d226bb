"""Uploads: a multipart request with the purchase order of a renewal, which must be a PDF."""
# ruff: noqa: E501 - a line for each case

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.http.starlette_internals import PARSED_BYTES, parse_form
from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

PDF_CONTENT = b"%PDF-1.7\n1 0 obj << >> endobj\ntrailer << >>\n%%EOF\n"
RENEW_MUTATION = """mutation ($input: RenewResourceInput!) { renewResource(input: $input) {
    __typename ... on Accepted { order { uuid } } ... on Problem { message }
} }"""
ATTACHMENT_PATH = "variables.input.attachment"
PREFLIGHT_HEADERS = {"GraphQL-Preflight": "1"}
MultipartFields = list[tuple[str, Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that tests may change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


def renewal_operation(uuid: str, attachment: Any = None) -> str:
    """Return the field `operations` of a renewal."""
    input_values = {"uuid": uuid, "extensionMonths": 12, "attachment": attachment}
    return json.dumps({"query": RENEW_MUTATION, "variables": {"input": input_values}})


def multipart_fields(
    operations: str, file_map: str = f'{{"0": ["{ATTACHMENT_PATH}"]}}', **named_files: bytes
) -> MultipartFields:
    """Return the fields of a multipart request; the file named `file` becomes the part `0`."""
    file_parts = [
        ("0" if name == "file" else name, content) for name, content in named_files.items()
    ]
    return [
        ("operations", (None, operations)),
        ("map", (None, file_map)),
        *((name, ("order.pdf", content, "application/pdf")) for name, content in file_parts),
    ]


async def send_multipart(
    demo: MutableDemo, fields: MultipartFields, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Send a multipart request as staff."""
    request_headers = {"Authorization": f"Token {demo.client.tokens['staff']}"}
    request_headers |= PREFLIGHT_HEADERS if headers is None else headers
    return await demo.client.http.post("/graphql", files=fields, headers=request_headers)


@pytest.mark.parametrize("header", ["GraphQL-Preflight", "Apollo-Require-Preflight", "X-Requested-With"])  # fmt: skip
async def test_file_is_stored_with_the_order(demo: MutableDemo, header: str) -> None:
    uuid = (await demo.find_operable_resources("RENEW_RESOURCE"))[0]
    response = await send_multipart(
        demo, multipart_fields(renewal_operation(uuid), file=PDF_CONTENT), {header: "1"}
    )
    order = response.json()["data"]["renewResource"]["order"]["uuid"]
    ((path,),) = demo.run_sql("select attachment from marketplace_order where uuid = %s", order)
    ((stored_content,),) = demo.run_sql(
        "select content from gateway.attachment where path = %s", path
    )
    assert bytes(stored_content) == PDF_CONTENT


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"PK\3\4", PDF_CONTENT[:9], b"x" * 2000 + PDF_CONTENT]
)
async def test_non_pdf_is_refused(demo: MutableDemo, content: bytes) -> None:
    uuid, before = (await demo.find_operable_resources("RENEW_RESOURCE"))[0], demo.digest_tables()
    response = await send_multipart(demo, multipart_fields(renewal_operation(uuid), file=content))
    assert response.json()["data"]["renewResource"]["__typename"] == "InvalidInput"
    assert response.json()["data"]["renewResource"]["message"] == "`attachment` must be a PDF file."
    assert demo.digest_tables() == before


INVALID_REQUESTS: dict[str, tuple[MultipartFields, str]] = {
    "no operations": (multipart_fields("")[1:], "no field `operations`"),
    "invalid JSON": (multipart_fields("{", file=PDF_CONTENT), "not valid JSON"),
    "no map": (multipart_fields(renewal_operation("0" * 32))[:1], "no field `map`"),
    "empty map": (multipart_fields(renewal_operation("0" * 32), "{}", file=PDF_CONTENT), "`map` must name"),
    "two variables": (multipart_fields(renewal_operation("0" * 32), f'{{"0": ["{ATTACHMENT_PATH}", "{ATTACHMENT_PATH}"]}}', file=PDF_CONTENT), "`map` must name"),
    "no file": (multipart_fields(renewal_operation("0" * 32)), "not a file: '0'"),
    "file of another name": (multipart_fields(renewal_operation("0" * 32), other=PDF_CONTENT), "not a file: '0'"),
    "two files": (multipart_fields(renewal_operation("0" * 32), file=PDF_CONTENT, other=PDF_CONTENT), "Too many files"),
    "variable of another type": (multipart_fields(renewal_operation("0" * 32), '{"0": ["variables.input.uuid"]}', file=PDF_CONTENT), "does not accept a file"),
    "variable is not null": (multipart_fields(renewal_operation("0" * 32, "x"), file=PDF_CONTENT), "must have null"),
    "variable does not exist": (multipart_fields(renewal_operation("0" * 32), '{"0": ["variables.x.attachment"]}', file=PDF_CONTENT), "must have null"),
}  # fmt: skip
"""Fields of invalid requests, and a part of the error message."""


@pytest.mark.parametrize("name", INVALID_REQUESTS)
async def test_invalid_multipart_requests_are_refused(demo: MutableDemo, name: str) -> None:
    fields, expected_message = INVALID_REQUESTS[name]
    response = await send_multipart(demo, fields)
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (400, "BAD_USER_INPUT")
    assert expected_message in error["message"]


OPTIONS_MUTATION = """mutation (%s) { updateResourceOptions(input: %s) { __typename } }"""
OPTIONS_INPUT = {"uuid": "0" * 32, "options": {"attachment": None}}
MISPLACED_FILES = {
    "in options": (OPTIONS_MUTATION % ("$input: UpdateResourceOptionsInput!", "$input"), {"input": OPTIONS_INPUT}, "variables.input.options.attachment"),
    "as options": (OPTIONS_MUTATION % ("$attachment: JSON", '{uuid: "UUID", options: $attachment}'), {"attachment": None}, "variables.attachment"),
    "as JSON below options": (OPTIONS_MUTATION % ("$attachment: JSON", '{uuid: "UUID", options: {a: [$attachment]}}'), {"attachment": None}, "variables.attachment"),
    "as a file below options": (OPTIONS_MUTATION % ("$attachment: Upload", '{uuid: "UUID", options: {a: [$attachment]}}'), {"attachment": None}, "variables.attachment"),
    "in limits": (RENEW_MUTATION, {"input": {"uuid": "0" * 32, "extensionMonths": 12, "limits": {"attachment": None}}}, "variables.input.limits.attachment"),
}  # fmt: skip
"""Files for variables other than a purchase order: the document, the variables, and the path."""


@pytest.mark.parametrize("name", MISPLACED_FILES)
async def test_misplaced_file_is_refused(demo: MutableDemo, name: str) -> None:
    query, variables, variable_path = MISPLACED_FILES[name]
    uuid = (await demo.find_operable_resources("UPDATE_RESOURCE_OPTIONS"))[0]
    before = demo.digest_tables()
    operations = json.dumps({"query": query.replace('"UUID"', f'"{uuid}"'), "variables": variables})
    fields = multipart_fields(
        operations.replace("0" * 32, uuid), json.dumps({"0": [variable_path]}), file=PDF_CONTENT
    )
    (error,) = (await send_multipart(demo, fields)).json()["errors"]
    assert "A JSON value must not contain a file" in error["message"]
    assert demo.digest_tables() == before


async def test_multipart_without_preflight_header_is_refused(demo: MutableDemo) -> None:
    response = await send_multipart(
        demo, multipart_fields(renewal_operation("0" * 32), file=PDF_CONTENT), {}
    )
    assert response.status_code == 400
    assert "GraphQL-Preflight" in response.json()["errors"][0]["message"]


async def test_oversized_upload_is_refused(demo: MutableDemo) -> None:
    response = await send_multipart(
        demo, multipart_fields(renewal_operation("0" * 32), file=b"x" * 11_000_000)
    )
    assert response.status_code == 413
    uuid = (await demo.find_operable_resources("RENEW_RESOURCE"))[0]
    large_content = PDF_CONTENT + b" " * (10 * 1024 * 1024) + b"%%EOF"
    response = await send_multipart(
        demo, multipart_fields(renewal_operation(uuid), file=large_content)
    )
    assert "at most 10 MB" in response.json()["data"]["renewResource"]["message"]


async def test_attachment_as_string_is_refused(demo: MutableDemo) -> None:
    input_values = {"uuid": "0" * 32, "extensionMonths": 12, "attachment": "x"}
    (error,) = (await demo.client.execute_query(RENEW_MUTATION, input=input_values))["errors"]
    assert "multipart request" in error["message"]


async def test_others_have_their_turn_while_an_upload_is_parsed() -> None:
    turns = count()

    async def take_turns() -> None:
        while True:
            next(turns)
            await asyncio.sleep(0)

    head = b'--end\r\nContent-Disposition: form-data; name="0"; filename="a"\r\n\r\n'
    body = head + b"\r\n--end-" * 100_000 + b"\r\n--end--\r\n"
    turn_taker = asyncio.create_task(take_turns())
    form = await parse_form(body, "multipart/form-data; boundary=end", len(body))
    turn_taker.cancel()
    await form.close()
    assert next(turns) >= len(body) // PARSED_BYTES

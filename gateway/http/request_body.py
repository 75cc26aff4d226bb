"""From the body of an HTTP request to what it asks for."""

import re
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from gateway.execution.graphql_request import GraphQLRequest
from gateway.http.request_head import PREFLIGHT_HEADERS, RequestHead

decode_json = msgspec.json.Decoder().decode


class BadRequestError(Exception):
    """The request is none that GraphQL over HTTP knows; the text names what to change."""

    def __init__(self, message: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        """Keep the HTTP status that says the same."""
        super().__init__(message)
        self.status = status


async def read_body(request: RequestHead, max_bytes: int) -> bytes:
    """Read the body; BadRequestError if it is longer than so many bytes, or ends too early."""
    body, has_more = b"", True
    while has_more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise BadRequestError("The body ends too early.")
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
        if len(body) > max_bytes:
            raise BadRequestError(
                f"The body is longer than {max_bytes} bytes.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            )
    return body


def parse_json(body: bytes, request_id: str) -> GraphQLRequest:
    """Read a GraphQL request; BadRequestError names the member that is wrong."""
    try:
        document = decode_json(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"The body is no JSON: {error}.") from None
    return parse_decoded_json(document, request_id)


def parse_decoded_json(document: object, request_id: str) -> GraphQLRequest:
    """Read a GraphQL request of decoded JSON; BadRequestError names the member that is wrong."""
    if not isinstance(document, dict):
        raise BadRequestError("The body must be a JSON object with a `query`.")
    query = _get_member(document, "query", str, "a string")
    if not query:
        raise BadRequestError("The body has no `query`.")
    return GraphQLRequest(
        query=query,
        variables=_get_member(document, "variables", dict, "an object"),
        operation_name=_get_member(document, "operationName", str, "a string"),
        request_id=request_id,
    )


def _get_member(
    document: dict[str, Any], name: str, expected_type: type, type_description: str
) -> Any:
    value = document.get(name)
    if value is not None and not isinstance(value, expected_type):
        raise BadRequestError(f"`{name}` must be {type_description}.")
    return value


MAX_MULTIPART_BYTES = 11_000_000
"""Bytes of a whole request."""
_FILE_PATH_PATTERN = re.compile(r"variables(\.\w+){0,5}\.attachment")
"""Where a file can be: the one kind of variable that takes any."""


async def parse_multipart(
    request: RequestHead, max_part_bytes: int, request_id: str
) -> GraphQLRequest:
    """Read a request with a file, the rest of at most `longest` bytes.

    BadRequestError names what is wrong with it.
    """
    if not any(request.first(each) for each in PREFLIGHT_HEADERS):
        raise BadRequestError("Send a multipart request with the header `GraphQL-Preflight: 1`.")
    form = await _parse_form(
        await read_body(request, MAX_MULTIPART_BYTES),
        request.first(b"content-type"),
        max_part_bytes,
    )
    try:
        graphql_request, (part_name, variable_path) = (
            parse_json(_get_text_field(form, "operations"), request_id),
            _parse_file_map(form),
        )
        file = form.get(part_name)
        if not isinstance(file, UploadFile):
            raise BadRequestError(f"There is no file called {part_name[:50]!r}, as `map` says.")
        _set_file_variable(graphql_request.variables, variable_path, await file.read())
    finally:
        await form.close()
    return graphql_request


async def _parse_form(body: bytes, content_type: str, max_part_bytes: int) -> FormData:
    async def stream_body() -> AsyncGenerator[bytes, None]:
        yield body

    headers = Headers({"content-type": content_type})
    parser = MultiPartParser(
        headers, stream_body(), max_files=1, max_fields=2, max_part_size=max_part_bytes
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise BadRequestError(f"The multipart request can't be read: {error.message}") from None


def _get_text_field(form: FormData, name: str) -> bytes:
    value = form.get(name)
    if not isinstance(value, str):
        raise BadRequestError(f"The multipart request has no field `{name}`.")
    return value.encode()


def _parse_file_map(form: FormData) -> tuple[str, str]:
    """Give the name of the file, and the place of the variable that it is."""
    try:
        file_map = msgspec.json.decode(_get_text_field(form, "map"), type=dict[str, list[str]])
        ((part_name, (variable_path,)),) = file_map.items()
    except (ValueError, TypeError):
        raise BadRequestError(
            'The field `map` names a file and a variable, as {"0": ["variables.input.attachment"]}.'
        ) from None
    if not _FILE_PATH_PATTERN.fullmatch(variable_path):
        raise BadRequestError(
            f"{variable_path[:100]!r} takes no file: only an `attachment` does.",
            HTTPStatus.BAD_REQUEST,
        )
    return part_name, variable_path


def _set_file_variable(variables: Any, variable_path: str, content: bytes) -> None:
    """Have a variable be the content of a file; its place is to hold null until then."""
    _, *parent_keys, last_key = variable_path.split(".")
    for key in parent_keys:
        variables = variables.get(key) if isinstance(variables, dict) else None
    if not isinstance(variables, dict) or variables.get(last_key) is not None:
        raise BadRequestError(
            f"`operations` is to have null where the file belongs: {variable_path[:100]}."
        )
    variables[last_key] = content


JSON_MEDIA_TYPE, MULTIPART_MEDIA_TYPE = "application/json", "multipart/form-data"


async def parse_request(request: RequestHead, max_bytes: int, request_id: str) -> GraphQLRequest:
    """Read a request of at most `longest` bytes, files apart; BadRequestError if it is none."""
    media_type = request.first(b"content-type").partition(";")[0].strip().lower()
    if media_type == JSON_MEDIA_TYPE:
        return parse_json(await read_body(request, max_bytes), request_id)
    if media_type == MULTIPART_MEDIA_TYPE:
        return await parse_multipart(request, max_bytes, request_id)
    raise BadRequestError(
        "Send the query as JSON, with `Content-Type: application/json`.",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    )

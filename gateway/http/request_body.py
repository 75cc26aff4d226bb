"""Request body parser: JSON and multipart bodies become a `GraphQLRequest`.

Multipart requests follow https://github.com/jaydenseric/graphql-multipart-request-spec, for
one file: the field `operations` is the JSON request with null in place of the file, the
field `map` names the file's part and the path of that null. As HTML forms can send
multipart bodies across origins, such a request needs a preflight header.
"""

import re
from typing import Any

import msgspec
from starlette.datastructures import FormData, UploadFile

from gateway.error_table import ErrorKind
from gateway.exact_json import decode_request_json
from gateway.execution.document_cache import MAX_NAME_CHARS
from gateway.execution.graphql_request import GraphQLRequest
from gateway.http.request_head import PREFLIGHT_HEADERS, RequestHead
from gateway.http.starlette_internals import MalformedFormError, parse_form

EXPECTED_BODY = "The body must be a JSON object with a `query`."
MAX_JSON_LEVELS = 200
"""Levels of a body that can always be decoded; the variables have a limit of their own."""
_FOREIGN_ENCODING_STARTS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-8 and UTF-16."""


class BadRequestError(Exception):
    """The request is not a valid GraphQL-over-HTTP request; the message names the invalid part."""

    error_kind = ErrorKind.MALFORMED_REQUEST


class BodyTooLargeError(BadRequestError):
    """The body is longer than its limit."""

    error_kind = ErrorKind.TOO_LARGE_BODY

    def __init__(self, max_bytes: int) -> None:
        """Name the limit."""
        super().__init__(f"The body is longer than {max_bytes} bytes.")


class UnreadableRequestError(BadRequestError):
    """The body or a header can't be parsed at all, or the body is incomplete."""

    error_kind = ErrorKind.UNREADABLE_REQUEST


async def read_body(request: RequestHead, max_bytes: int) -> bytes:
    """Read the whole body.

    Raises BodyTooLargeError if it is longer than `max_bytes`, BadRequestError if the client
    disconnects before its end.
    """
    parts, length, has_more = [], 0, True
    while has_more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise UnreadableRequestError("The body is incomplete: the client disconnected.")
        part = message.get("body", b"")
        parts.append(part)
        length += len(part)
        has_more = message.get("more_body", False)
        if length > max_bytes:
            raise BodyTooLargeError(max_bytes)
    return b"".join(parts)


def parse_json(body: bytes, request_id: str) -> GraphQLRequest:
    """Parse a JSON body.

    Raises BadRequestError if it is not JSON, or not a GraphQL request.
    """
    try:
        document = decode_request_json(body)
    except RecursionError:
        raise BadRequestError(
            f"The body must be nested at most {MAX_JSON_LEVELS} levels."
        ) from None
    except ValueError as error:
        raise UnreadableRequestError(_describe_json_problem(body, error)) from None
    return parse_decoded_json(document, request_id)


def _describe_json_problem(body: bytes, error: ValueError) -> str:
    """Return why a body is not valid JSON."""
    if not body.strip():
        return f"The body is empty. {EXPECTED_BODY}"
    if body.startswith(_FOREIGN_ENCODING_STARTS) or b"\0" in body[:2]:
        return "The body must be JSON in UTF-8, without a byte order mark."
    return f"The body is not valid JSON: {error}."


def parse_decoded_json(document: object, request_id: str) -> GraphQLRequest:
    """Convert decoded JSON to a GraphQL request.

    Raises BadRequestError with the name of the member that is missing or has a wrong type.
    """
    if isinstance(document, list):
        raise BadRequestError("Batches are not supported: send one JSON object for each operation.")
    if not isinstance(document, dict):
        raise BadRequestError(EXPECTED_BODY)
    query = _get_member(document, "query", str, "a string") or ""
    document_id = _get_member(document, "documentId", str, "a string")
    extensions = _get_member(document, "extensions", dict, "an object")
    if not query and document_id is None and (extensions or {}).get("persistedQuery") is None:
        raise BadRequestError("The request has no `query` and no `documentId`.")
    return GraphQLRequest(
        query=query,
        variables=_get_member(document, "variables", dict, "an object"),
        operation_name=_get_operation_name(document),
        reports_cost=_requests_cost(document.get("extensions")),
        request_id=request_id,
        document_id=document_id,
        extensions=extensions,
    )


def _requests_cost(extensions: object) -> bool:
    """Return whether the `extensions` of a request ask for the operation's cost."""
    return isinstance(extensions, dict) and extensions.get("cost") is True


def _get_member(
    document: dict[str, Any], name: str, expected_type: type, type_description: str
) -> Any:
    value = document.get(name)
    if value is not None and not isinstance(value, expected_type):
        raise BadRequestError(f"`{name}` must be {type_description}.")
    return value


def _get_operation_name(document: dict[str, Any]) -> str | None:
    """Return the operation's name; an empty one is the same as none, in each transport."""
    name: str | None = _get_member(document, "operationName", str, "a string")
    if name and len(name) > MAX_NAME_CHARS:
        raise BadRequestError(
            f"`operationName` must have at most {MAX_NAME_CHARS} characters, got {len(name)}."
        )
    return name or None


MAX_MULTIPART_BYTES = 11_000_000
"""Maximum size of a multipart request, in bytes: a file of 10 MB and the fields around it."""
_FILE_PATH_PATTERN = re.compile(r"variables(\.\w+){0,5}\.attachment")
"""Paths of variables that accept a file: those of an input field `attachment`."""


async def parse_multipart(
    request: RequestHead, content_type: str, max_part_bytes: int, request_id: str
) -> GraphQLRequest:
    """Parse a multipart request with one file; each other part has at most `max_part_bytes`.

    Raises BadRequestError with the name of the part that is missing or invalid.
    """
    if not any(request.first(each) for each in PREFLIGHT_HEADERS):
        raise BadRequestError("A multipart request needs the header `GraphQL-Preflight: 1`.")
    body = await read_body(request, MAX_MULTIPART_BYTES)
    try:
        form = await parse_form(body, content_type, max_part_bytes)
    except MalformedFormError as error:
        raise UnreadableRequestError(f"The multipart body is malformed: {error}") from None
    try:
        graphql_request = parse_json(_get_text_field(form, "operations"), request_id)
        part_name, variable_path = _parse_file_map(form)
        file = form.get(part_name)
        if not isinstance(file, UploadFile):
            raise BadRequestError(f"`map` names a part that is not a file: {part_name[:50]!r}.")
        _set_file_variable(graphql_request.variables, variable_path, await file.read())
    finally:
        await form.close()
    return graphql_request


def _get_text_field(form: FormData, name: str) -> bytes:
    value = form.get(name)
    if not isinstance(value, str):
        raise BadRequestError(f"The multipart request has no field `{name}`.")
    return value.encode()


def _parse_file_map(form: FormData) -> tuple[str, str]:
    """Return the name of the file's part and the path of the variable that it fills."""
    try:
        file_map = msgspec.json.decode(_get_text_field(form, "map"), type=dict[str, list[str]])
        ((part_name, (variable_path,)),) = file_map.items()
    except (ValueError, TypeError):
        raise BadRequestError(
            "`map` must name one file and one variable,"
            ' for example {"0": ["variables.input.attachment"]}.'
        ) from None
    if not _FILE_PATH_PATTERN.fullmatch(variable_path):
        raise BadRequestError(
            f"{variable_path[:100]!r} does not accept a file: only variables `attachment` do."
        )
    return part_name, variable_path


def _set_file_variable(variables: Any, variable_path: str, content: bytes) -> None:
    """Replace the null at `variable_path` by the content of the file.

    Raises BadRequestError if the path does not lead to a null.
    """
    _, *parent_keys, last_key = variable_path.split(".")
    for key in parent_keys:
        variables = variables.get(key) if isinstance(variables, dict) else None
    if not isinstance(variables, dict) or variables.get(last_key) is not None:
        raise BadRequestError(
            f"`operations` must have null at the path of the file, {variable_path[:100]!r}."
        )
    variables[last_key] = content

"""From the body of an HTTP request to what it asks for."""

import re
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from gateway.execution.graphql_request import Asking
from gateway.http.request_head import PREFLIGHT, Headed

decode = msgspec.json.Decoder().decode


class BadRequestError(Exception):
    """The request is none that GraphQL over HTTP knows; the text names what to change."""

    def __init__(self, message: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        """Keep the HTTP status that says the same."""
        super().__init__(message)
        self.status = status


async def read(request: Headed, longest: int) -> bytes:
    """Read the body; BadRequestError if it is longer than so many bytes, or ends too early."""
    body, more = b"", True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise BadRequestError("The body ends too early.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > longest:
            raise BadRequestError(
                f"The body is longer than {longest} bytes.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            )
    return body


def asking_in(body: bytes, id_: str) -> Asking:
    """Read a GraphQL request; BadRequestError names the member that is wrong."""
    try:
        given = decode(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"The body is no JSON: {error}.") from None
    return asking_of(given, id_)


def asking_of(given: object, id_: str) -> Asking:
    """Read a GraphQL request of decoded JSON; BadRequestError names the member that is wrong."""
    if not isinstance(given, dict):
        raise BadRequestError("The body must be a JSON object with a `query`.")
    query = _member(given, "query", str, "a string")
    if not query:
        raise BadRequestError("The body has no `query`.")
    return Asking(
        query=query,
        variables=_member(given, "variables", dict, "an object"),
        operation_name=_member(given, "operationName", str, "a string"),
        id=id_,
    )


def _member(given: dict[str, Any], name: str, kind: type, words: str) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, kind):
        raise BadRequestError(f"`{name}` must be {words}.")
    return value


LARGEST = 11_000_000
"""Bytes of a whole request."""
_PLACE = re.compile(r"variables(\.\w+){0,5}\.attachment")
"""Where a file can be: the one kind of variable that takes any."""


async def asking_with_file(request: Headed, longest: int, id_: str) -> Asking:
    """Read a request with a file, the rest of at most `longest` bytes.

    BadRequestError names what is wrong with it.
    """
    if not any(request.says(each) for each in PREFLIGHT):
        raise BadRequestError("Send a multipart request with the header `GraphQL-Preflight: 1`.")
    form = await _parsed(await read(request, LARGEST), request.says(b"content-type"), longest)
    try:
        asking, (part, place) = asking_in(_text(form, "operations"), id_), _mapped(form)
        file = form.get(part)
        if not isinstance(file, UploadFile):
            raise BadRequestError(f"There is no file called {part[:50]!r}, as `map` says.")
        _put(asking.variables, place, await file.read())
    finally:
        await form.close()
    return asking


async def _parsed(body: bytes, content_type: str, longest: int) -> FormData:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    headers = Headers({"content-type": content_type})
    parser = MultiPartParser(headers, stream(), max_files=1, max_fields=2, max_part_size=longest)
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise BadRequestError(f"The multipart request can't be read: {error.message}") from None


def _text(form: FormData, name: str) -> bytes:
    value = form.get(name)
    if not isinstance(value, str):
        raise BadRequestError(f"The multipart request has no field `{name}`.")
    return value.encode()


def _mapped(form: FormData) -> tuple[str, str]:
    """Give the name of the file, and the place of the variable that it is."""
    try:
        given = msgspec.json.decode(_text(form, "map"), type=dict[str, list[str]])
        ((part, (place,)),) = given.items()
    except (ValueError, TypeError):
        raise BadRequestError(
            'The field `map` names a file and a variable, as {"0": ["variables.input.attachment"]}.'
        ) from None
    if not _PLACE.fullmatch(place):
        raise BadRequestError(
            f"{place[:100]!r} takes no file: only an `attachment` does.", HTTPStatus.BAD_REQUEST
        )
    return part, place


def _put(variables: Any, place: str, content: bytes) -> None:
    """Have a variable be the content of a file; its place is to hold null until then."""
    _, *names, last = place.split(".")
    for name in names:
        variables = variables.get(name) if isinstance(variables, dict) else None
    if not isinstance(variables, dict) or variables.get(last) is not None:
        raise BadRequestError(
            f"`operations` is to have null where the file belongs: {place[:100]}."
        )
    variables[last] = content


JSON, MULTIPART = "application/json", "multipart/form-data"


async def asked(request: Headed, longest: int, id_: str) -> Asking:
    """Read a request of at most `longest` bytes, files apart; BadRequestError if it is none."""
    media_type = request.says(b"content-type").partition(";")[0].strip().lower()
    if media_type == JSON:
        return asking_in(await read(request, longest), id_)
    if media_type == MULTIPART:
        return await asking_with_file(request, longest, id_)
    raise BadRequestError(
        "Send the query as JSON, with `Content-Type: application/json`.",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    )

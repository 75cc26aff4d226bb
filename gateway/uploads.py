"""GraphQL multipart requests: an operation, and a file as one of its variables.

A form on another site could send one with the viewer's cookies, if there were
any; a header that no form can send is demanded all the same.
"""

import re
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from gateway.execution.asking import Asking
from gateway.heads import PREFLIGHT, Headed
from gateway.requests import BadRequestError, asking_in, read

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

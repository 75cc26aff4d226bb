"""From the body of an HTTP request to what it asks for."""

from http import HTTPStatus
from typing import Any

import msgspec

from gateway.execution.asking import Asking
from gateway.heads import Headed

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

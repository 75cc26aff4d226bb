"""What is sent back over HTTP."""

from starlette.responses import JSONResponse, PlainTextResponse, Response

from gateway.execution.errors import TOLD, Code, failure
from gateway.execution.executor import Answer
from gateway.http.single_write import WholeResponse

GRAPHQL_JSON = "application/graphql-response+json"
_USUAL = [(b"vary", b"Accept"), (b"cache-control", b"no-store")]
_NEWER = [(b"content-type", f"{GRAPHQL_JSON}; charset=utf-8".encode()), *_USUAL]
_OLDER = [(b"content-type", b"application/json"), *_USUAL]


class Answered(WholeResponse):
    """An answer in the media type that the client takes; only the newer knows statuses."""

    def __init__(self, answer: Answer, accepted: str, id_: str) -> None:
        """Answer the request called `id_` of a client that has `accepted` certain media types."""
        newer = GRAPHQL_JSON in accepted
        self.status_code = 400 if answer.refused and newer else 200
        self.body, self.background = answer.encoded(), None
        self.raw_headers = [
            (b"content-length", b"%d" % len(self.body)),
            (b"x-request-id", id_.encode()),
            *(_NEWER if newer else _OLDER),
        ]


def refused(status: int, message: str, code: Code, id_: str, **headers: str) -> Response:
    """Refuse a request for something that the client can change."""
    return _failed(status, failure(message, code), id_, headers)


def masked(status: int, code: Code, id_: str, **headers: str) -> Response:
    """Refuse a request for a reason of ours, which the log has under the request's id."""
    return _failed(status, failure(TOLD[code], code, id=id_), id_, headers)


def _failed(status: int, error: object, id_: str, headers: dict[str, str]) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    usual = {"X-Request-ID": id_, "Cache-Control": "no-store", **named}
    return JSONResponse({"errors": [error]}, status, usual)


_SAVED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
}
"""What keeps a browser from showing somebody's file as a page, and everybody from keeping it."""


def file(content: bytes, name: str, id_: str, *, head: bool) -> Response:
    """Give a PDF to be saved under a `name`, which has to be plain; or its `head` only."""
    headers = {
        **_SAVED,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(len(content)),
        "X-Request-ID": id_,
    }
    return Response(b"" if head else content, 200, headers, "application/pdf")


def absent(id_: str) -> Response:
    """Say that there is no such file, or none for whoever asks."""
    headers = {**_SAVED, "X-Request-ID": id_}
    return PlainTextResponse("There is no such file.\n", 404, headers)

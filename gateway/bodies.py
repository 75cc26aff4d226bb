"""From a request to what it asks for, by the media type of its body."""

from http import HTTPStatus

from gateway.execution.asking import Asking
from gateway.heads import Headed
from gateway.requests import BadRequestError, asking_in, read
from gateway.uploads import asking_with_file

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

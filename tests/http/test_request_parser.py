"""Request parser: media type, charset and encoding of the body."""

import pytest

from gateway.error_table import get_error_rule
from gateway.http.request_body import BadRequestError
from gateway.http.request_head import RequestHead
from gateway.http.request_parser import parse_request
from tests.http.test_request_body import create_request

VALID_BODY = b'{"query": "{a}"}'
BOUNDARY_MESSAGE = "`boundary` of a multipart request"


async def allow_upload(_request: RequestHead) -> None:
    """Allow an upload."""


def create_typed_request(*content_types: str, **headers: str) -> RequestHead:
    """Create a request with a header line for each content type."""
    request = create_request(VALID_BODY)
    request.headers = {b"content-type": content_types} if content_types else {}
    for name, value in headers.items():
        request.headers[name.replace("_", "-").encode()] = (value,)
    return request


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        " application/json ",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; charset=utf8; a=b",
        "application/json;",
    ],
)
async def test_json(content_type: str) -> None:
    graphql_request = await parse_request(
        create_typed_request(content_type), 100, "b", allow_upload
    )
    assert (graphql_request.query, graphql_request.request_id) == ("{a}", "b")


@pytest.mark.parametrize(
    ("content_types", "message", "status"),
    [
        ([], "Content-Type", 415),
        ([""], "Content-Type", 415),
        (["text/plain"], "Content-Type", 415),
        (["application/graphql"], "Content-Type", 415),
        (["application/jsonx"], "Content-Type", 415),
        (["application/json, application/json"], "Content-Type", 415),
        (["application/json; charset"], "Content-Type", 415),
        ([f"application/json; a={'b' * 300}"], "Content-Type", 415),
        (["*/*"], "Content-Type", 415),
        (["application/json; charset=utf-16"], "must be utf-8", 415),
        (["application/json; charset=iso-8859-1"], "must be utf-8", 415),
        (["multipart/form-data; boundary=a; charset=punycode"], "must be utf-8", 415),
        (["application/json", "application/json"], "`Content-Type` once", 400),
        (["application/json", "text/plain"], "`Content-Type` once", 400),
        (["multipart/form-data"], BOUNDARY_MESSAGE, 400),
        (['multipart/form-data; boundary=""'], BOUNDARY_MESSAGE, 400),
        (['multipart/form-data; boundary="a\\"b"'], BOUNDARY_MESSAGE, 400),
        (['multipart/form-data; boundary="a "'], BOUNDARY_MESSAGE, 400),
        ([f"multipart/form-data; boundary={'a' * 71}"], BOUNDARY_MESSAGE, 400),
        (["multipart/form-data; boundary*=utf-8''a"], BOUNDARY_MESSAGE, 400),
    ],
)
async def test_unsupported_content_types(
    content_types: list[str], message: str, status: int
) -> None:
    with pytest.raises(BadRequestError, match=message) as caught:
        await parse_request(create_typed_request(*content_types), 100, "b", allow_upload)
    assert get_error_rule(caught.value).status == status


@pytest.mark.parametrize("content_encoding", ["identity", "Identity", "", "identity, identity"])
async def test_identity_encoding(content_encoding: str) -> None:
    request = create_typed_request("application/json", content_encoding=content_encoding)
    assert (await parse_request(request, 100, "b", allow_upload)).query == "{a}"


@pytest.mark.parametrize("content_encoding", ["gzip", "br", "identity, gzip", "GZIP", "unknown"])
async def test_compressed_bodies_are_refused(content_encoding: str) -> None:
    request = create_typed_request("application/json", content_encoding=content_encoding)
    with pytest.raises(BadRequestError, match="without the header `Content-Encoding`") as caught:
        await parse_request(request, 100, "b", allow_upload)
    assert get_error_rule(caught.value).status == 415

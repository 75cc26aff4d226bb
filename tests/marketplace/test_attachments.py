"""Stored purchase orders are served to users who can see the order, and only to them."""

import http.client
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.http.test_request_body_uploads import (
    PDF_CONTENT,
    multipart_fields,
    renewal_operation,
    send_multipart,
)
from tests.support.gateway_server import run_gateway_process, serve_in_process
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo
from tests.support.time_limits import scale_seconds

ORDER_QUERY = "query ($uuid: UUID!) { order(uuid: $uuid) { attachment } }"
NOT_FOUND_RESPONSE = (404, "There is no such file.\n")


class AttachmentDemo(NamedTuple):
    """Demo in which an order has an attached file."""

    url: str
    demo: MutableDemo
    order: str
    resource: str

    @property
    def path(self) -> str:
        """URL path of the file."""
        return f"/attachments/{self.order}.pdf"

    async def get(
        self, path: str, username: str | None = "staff", method: str = "GET"
    ) -> httpx.Response:
        """Send a request for a path with a user's token; anonymous without a username."""
        headers = {}
        if username is not None:
            headers["Authorization"] = f"Token {self.demo.client.tokens[username]}"
        return await self.demo.client.http.request(method, path, headers=headers)

    async def load_order(
        self, username: str | None = "staff", order_uuid: str | None = None
    ) -> Any:
        """Return the order as a user sees it; None if the user can't see it."""
        result = await self.demo.client.execute_query(
            ORDER_QUERY, username, uuid=order_uuid or self.order
        )
        return result["data"]["order"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def attachment_demo(new_database: DatabaseFactory) -> AsyncIterator[AttachmentDemo]:
    """Yield a demo in which an order has an attached file."""
    url = new_database()
    async with serve_mutable_demo(url) as demo:
        resource, *_ = await demo.find_operable_resources("RENEW_RESOURCE")
        yield AttachmentDemo(
            url, demo, await order_renewal_with_file(demo, resource, PDF_CONTENT), resource
        )


async def order_renewal_with_file(demo: MutableDemo, resource: str, content: bytes) -> str:
    """Place a renewal order with a file and return the order's uuid."""
    response = await send_multipart(
        demo, multipart_fields(renewal_operation(resource), file=content)
    )
    return str(response.json()["data"]["renewResource"]["order"]["uuid"])


async def is_absent(
    attachment_demo: AttachmentDemo, path: str, username: str | None = "staff"
) -> bool:
    """Return whether the response for a path is that of a missing file."""
    response = await attachment_demo.get(path, username)
    return (response.status_code, response.text) == NOT_FOUND_RESPONSE


async def test_the_url_of_a_file_serves_it(attachment_demo: AttachmentDemo) -> None:
    assert await attachment_demo.load_order() == {"attachment": attachment_demo.path}
    response = await attachment_demo.get(attachment_demo.path)
    assert (response.status_code, response.content) == (200, PDF_CONTENT)
    assert dict(response.headers) == {
        "content-type": "application/pdf",
        "content-length": str(len(PDF_CONTENT)),
        "content-disposition": f'attachment; filename="purchase-order-{attachment_demo.order}.pdf"',
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, no-store",
        "x-request-id": response.headers["x-request-id"],
    }


async def test_head_returns_the_headers_of_the_file(attachment_demo: AttachmentDemo) -> None:
    get_response, head_response = (
        await attachment_demo.get(attachment_demo.path),
        await attachment_demo.get(attachment_demo.path, method="HEAD"),
    )
    assert (head_response.status_code, head_response.content) == (200, b"")
    assert {**head_response.headers, "x-request-id": ""} == {
        **get_response.headers,
        "x-request-id": "",
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(attachment_demo: AttachmentDemo, method: str) -> None:
    response = await attachment_demo.get(attachment_demo.path, method=method)
    assert response.status_code == 405
    assert (await attachment_demo.get(attachment_demo.path)).content == PDF_CONTENT


async def test_only_users_who_see_the_order_can_download_its_file(
    attachment_demo: AttachmentDemo,
) -> None:
    readers: set[str] = set()
    others: set[str] = set()
    for username in attachment_demo.demo.client.tokens:
        viewer_result = await attachment_demo.demo.client.execute_query(
            "{ viewer { user { uuid } } }", username
        )
        if "errors" in viewer_result:
            assert (await attachment_demo.get(attachment_demo.path, username)).status_code == 401
            continue
        is_visible = await attachment_demo.load_order(username) is not None
        assert await is_absent(attachment_demo, attachment_demo.path, username) is not is_visible, (
            username
        )
        (readers if is_visible else others).add(username)
    assert {"staff", "support"} < readers
    assert "nobody" in others
    assert len(others) > 2


async def test_anonymous_requests_get_no_file(attachment_demo: AttachmentDemo) -> None:
    token = attachment_demo.demo.client.tokens["staff"]
    assert await is_absent(attachment_demo, attachment_demo.path, None)
    assert await is_absent(attachment_demo, f"{attachment_demo.path}?token={token}", None)
    assert (
        await attachment_demo.demo.client.http.get(attachment_demo.path, headers={"Cookie": token})
    ).text == NOT_FOUND_RESPONSE[1]


@pytest.mark.parametrize("credentials", ["Token wrong", "Basic c3RhZmY6c3RhZmY=", "Token", "x"])
async def test_invalid_credentials_are_rejected(
    attachment_demo: AttachmentDemo, credentials: str
) -> None:
    response = await attachment_demo.demo.client.http.get(
        attachment_demo.path, headers={"Authorization": credentials}
    )
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Token"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".pdf",
        "{order}",
        "{order}.PDF",
        "{order}.pdf/",
        "{order}.pdf%0A",
        "{order}.pdf%00",
        "%00{order}.pdf",
        "{order}%2Epdf%2F..",
        "%2e/{order}.pdf",
        "%2e%2e/attachments/{order}.pdf",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2Fetc%2Fpasswd",
        "x%2f{order}.pdf",
        "%2f{order}.pdf",
        "..%5c{order}.pdf",
        "{hyphened}.pdf",
        "{upper}.pdf",
        "{wide}.pdf",
        "{order}' or true --.pdf",
        "*.pdf",
        "%25%32%65.pdf",
        "00000000000040008000000000000000.pdf",
        "x" * 50_000,
        "f" * 32 + ".pdf",
        "marketplace_order_attachments/{path}",
    ],
)
async def test_other_paths_are_not_found(attachment_demo: AttachmentDemo, name: str) -> None:
    order = attachment_demo.order
    file_name = name.format(
        order=order,
        upper=order.upper(),
        hyphened=f"{order[:8]}-{order[8:12]}-{order[12:16]}-{order[16:20]}-{order[20:]}",
        wide="".join(chr(ord(each) + 0xFEE0) if each.isdigit() else each for each in order),
        path=attachment_demo.demo.run_sql("select path from gateway.attachment")[0][0].rpartition(
            "/"
        )[2],
    )
    assert await is_absent(attachment_demo, f"/attachments/{file_name}")


async def test_an_order_without_a_stored_file_has_no_attachment(
    attachment_demo: AttachmentDemo,
) -> None:
    foreign_rows = attachment_demo.demo.run_sql(
        "select uuid from marketplace_order where attachment like 'order_attachments/%' limit 1"
    )
    null_rows = attachment_demo.demo.run_sql(
        "select uuid from marketplace_order where attachment is null limit 1"
    )
    for ((uuid,),) in (foreign_rows, null_rows):
        assert await attachment_demo.load_order(order_uuid=uuid.hex) == {"attachment": None}
        assert await is_absent(attachment_demo, f"/attachments/{uuid.hex}.pdf")


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret", "marketplace_order_attachments/x"])
async def test_a_stored_path_never_serves_another_file(
    attachment_demo: AttachmentDemo, path: str
) -> None:
    uuid, *_ = await attachment_demo.demo.find_operable_resources("RENEW_RESOURCE")
    order = await order_renewal_with_file(attachment_demo.demo, uuid, PDF_CONTENT)
    assert (await attachment_demo.get(f"/attachments/{order}.pdf")).content == PDF_CONTENT
    attachment_demo.demo.run_sql(
        "update marketplace_order set attachment = %s where uuid = %s", path, order
    )
    assert await is_absent(attachment_demo, f"/attachments/{order}.pdf")


async def test_a_large_file_is_served_completely(attachment_demo: AttachmentDemo) -> None:
    uuid, *_ = await attachment_demo.demo.find_operable_resources("RENEW_RESOURCE")
    content = b"%PDF-1.7\n" + bytes(range(256)) * 39_000 + b"\n%%EOF"
    order = await order_renewal_with_file(attachment_demo.demo, uuid, content)
    assert (await attachment_demo.get(f"/attachments/{order}.pdf")).content == content


async def test_the_server_process_serves_the_same(attachment_demo: AttachmentDemo) -> None:
    with run_gateway_process(
        "--database-url", attachment_demo.url, provider_seconds="off"
    ) as server:
        address, headers = (
            urlsplit(server.url),
            {"Authorization": f"Token {attachment_demo.demo.client.tokens['staff']}"},
        )
        for method, path, status, content in (
            ("GET", attachment_demo.path, 200, PDF_CONTENT),
            ("HEAD", attachment_demo.path, 200, b""),
            ("GET", f"/attachments/..{attachment_demo.path}", 404, NOT_FOUND_RESPONSE[1].encode()),
            ("GET", "/attachments/../livez", 404, NOT_FOUND_RESPONSE[1].encode()),
            ("GET", "/attachments/%2e%2e/livez", 404, NOT_FOUND_RESPONSE[1].encode()),
            ("HEAD", "/attachments/%00", 404, b""),
        ):
            connection = http.client.HTTPConnection(
                str(address.hostname), address.port, timeout=scale_seconds(10)
            )
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            assert (response.status, response.read()) == (status, content), path
            connection.close()


async def test_without_attachment_storage_nothing_is_served(
    attachment_demo: AttachmentDemo, waldur2024_url: str
) -> None:
    media_url = "https://media.example.org"
    async with serve_in_process(attachment_demo.url, changes="off", media_url=media_url) as client:
        disabled_demo = AttachmentDemo(
            attachment_demo.url,
            MutableDemo(client, attachment_demo.demo.connection),
            attachment_demo.order,
            attachment_demo.resource,
        )
        assert await is_absent(disabled_demo, attachment_demo.path)
        stored_prefix = f"{media_url}/marketplace_order_attachments/"
        assert (await disabled_demo.load_order())["attachment"].startswith(stored_prefix)
    async with serve_in_process(waldur2024_url) as client:
        waldur_demo = AttachmentDemo(
            waldur2024_url,
            MutableDemo(client, attachment_demo.demo.connection),
            attachment_demo.order,
            "",
        )
        assert await is_absent(waldur_demo, attachment_demo.path)


async def test_a_user_who_no_longer_sees_the_order_can_not_download_its_file(
    attachment_demo: AttachmentDemo,
) -> None:
    project_rows = attachment_demo.demo.run_sql(
        "select p.uuid from structure_project p join structure_customer c on c.id = p.customer_id"
        " and not c.blocked where not p.is_removed and p.customer_id <> (select q.customer_id"
        " from structure_project q join marketplace_resource r on r.project_id = q.id"
        " where r.uuid = %s) order by p.id limit 5",
        attachment_demo.resource,
    )
    readers_before = {
        each
        for each in USERNAMES
        if not await is_absent(attachment_demo, attachment_demo.path, each)
    }
    attachment_demo.demo.run_sql("update invoices_invoice set state = 'pending'")
    for (project,) in project_rows:
        move_result = await attachment_demo.demo.run_mutation(
            "moveResource", uuid=attachment_demo.resource, project=project.hex
        )
        assert move_result["__typename"] == "ResourceMoved"
        readers_now = {
            each
            for each in USERNAMES
            if not await is_absent(attachment_demo, attachment_demo.path, each)
        }
        assert readers_now == {
            each for each in USERNAMES if await attachment_demo.load_order(each) is not None
        }
        readers_before, lost_readers = readers_now, readers_before - readers_now
        if lost_readers:
            return
    raise AssertionError("No user lost access to the order.")


USERNAMES = ("owner", "manager", "member", "provider", "nobody")

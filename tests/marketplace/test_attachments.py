"""A purchase order that is kept is given to whoever sees the order, and to nobody else."""

import http.client
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.conftest import NewDatabase
from tests.http.test_request_body_uploads import PDF, operation, parts, send
from tests.support.gateway_server import process, service
from tests.support.mutable_demo import Changing, changing

SHOWN = "query ($uuid: UUID!) { order(uuid: $uuid) { attachment } }"
ABSENT = (404, "There is no such file.\n")


class Kept(NamedTuple):
    """A demo in which an order has a file."""

    url: str
    demo: Changing
    order: str
    resource: str

    @property
    def path(self) -> str:
        """Where the file is."""
        return f"/attachments/{self.order}.pdf"

    async def get(self, path: str, as_: str | None = "staff", how: str = "GET") -> httpx.Response:
        """Ask for what is at a path, with the token of a user."""
        headers = {} if as_ is None else {"Authorization": f"Token {self.demo.client.tokens[as_]}"}
        return await self.demo.client.http.request(how, path, headers=headers)

    async def shown(self, as_: str | None = "staff", order: str | None = None) -> Any:
        """Give the order as a user sees it; None if they don't."""
        found = await self.demo.client.ask(SHOWN, as_, uuid=order or self.order)
        return found["data"]["order"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kept(new_database: NewDatabase) -> AsyncIterator[Kept]:
    """Give such a demo."""
    url = new_database()
    async with changing(url) as demo:
        resource, *_ = await demo.able("RENEW_RESOURCE")
        yield Kept(url, demo, await ordered(demo, resource, PDF), resource)


async def ordered(demo: Changing, resource: str, content: bytes) -> str:
    """Order a renewal with a file; give the order."""
    answer = await send(demo, parts(operation(resource), file=content))
    return str(answer.json()["data"]["renewResource"]["order"]["uuid"])


async def absent(kept: Kept, path: str, as_: str | None = "staff") -> bool:
    """Tell whether a path is answered as if nothing were there."""
    answer = await kept.get(path, as_)
    return (answer.status_code, answer.text) == ABSENT


async def test_the_address_of_a_file_leads_to_it(kept: Kept) -> None:
    assert await kept.shown() == {"attachment": kept.path}
    answer = await kept.get(kept.path)
    assert (answer.status_code, answer.content) == (200, PDF)
    assert dict(answer.headers) == {
        "content-type": "application/pdf",
        "content-length": str(len(PDF)),
        "content-disposition": f'attachment; filename="purchase-order-{kept.order}.pdf"',
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, no-store",
        "x-request-id": answer.headers["x-request-id"],
    }


async def test_a_head_is_that_of_the_file(kept: Kept) -> None:
    whole, head = await kept.get(kept.path), await kept.get(kept.path, how="HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers, "x-request-id": ""} == {**whole.headers, "x-request-id": ""}


@pytest.mark.parametrize("how", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nothing_else_can_be_done_with_it(kept: Kept, how: str) -> None:
    answer = await kept.get(kept.path, how=how)
    assert answer.status_code == 405
    assert (await kept.get(kept.path)).content == PDF


async def test_those_who_see_the_order_get_it_and_nobody_else(kept: Kept) -> None:
    got: set[str] = set()
    not_got: set[str] = set()
    for each in kept.demo.client.tokens:
        known = await kept.demo.client.ask("{ viewer { user { uuid } } }", each)
        if "errors" in known:
            assert (await kept.get(kept.path, each)).status_code == 401
            continue
        sees = await kept.shown(each) is not None
        assert await absent(kept, kept.path, each) is not sees, each
        (got if sees else not_got).add(each)
    assert {"staff", "support"} < got
    assert "nobody" in not_got
    assert len(not_got) > 2


async def test_the_anonymous_get_nothing(kept: Kept) -> None:
    token = kept.demo.client.tokens["staff"]
    assert await absent(kept, kept.path, None)
    assert await absent(kept, f"{kept.path}?token={token}", None)
    assert (await kept.demo.client.http.get(kept.path, headers={"Cookie": token})).text == ABSENT[1]


@pytest.mark.parametrize("said", ["Token wrong", "Basic c3RhZmY6c3RhZmY=", "Token", "x"])
async def test_credentials_of_no_use_are_told(kept: Kept, said: str) -> None:
    answer = await kept.demo.client.http.get(kept.path, headers={"Authorization": said})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Token"


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
async def test_other_names_lead_nowhere(kept: Kept, name: str) -> None:
    order = kept.order
    spelled = name.format(
        order=order,
        upper=order.upper(),
        hyphened=f"{order[:8]}-{order[8:12]}-{order[12:16]}-{order[16:20]}-{order[20:]}",
        wide="".join(chr(ord(each) + 0xFEE0) if each.isdigit() else each for each in order),
        path=kept.demo.sql("select path from gateway.attachment")[0][0].rpartition("/")[2],
    )
    assert await absent(kept, f"/attachments/{spelled}")


async def test_an_order_without_a_kept_file_has_none(kept: Kept) -> None:
    elsewhere = kept.demo.sql(
        "select uuid from marketplace_order where attachment like 'order_attachments/%' limit 1"
    )
    none = kept.demo.sql("select uuid from marketplace_order where attachment is null limit 1")
    for ((uuid,),) in (elsewhere, none):
        assert await kept.shown(order=uuid.hex) == {"attachment": None}
        assert await absent(kept, f"/attachments/{uuid.hex}.pdf")


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret", "marketplace_order_attachments/x"])
async def test_what_an_order_says_leads_to_no_other_file(kept: Kept, path: str) -> None:
    uuid, *_ = await kept.demo.able("RENEW_RESOURCE")
    order = await ordered(kept.demo, uuid, PDF)
    assert (await kept.get(f"/attachments/{order}.pdf")).content == PDF
    kept.demo.sql("update marketplace_order set attachment = %s where uuid = %s", path, order)
    assert await absent(kept, f"/attachments/{order}.pdf")


async def test_a_large_file_comes_whole(kept: Kept) -> None:
    uuid, *_ = await kept.demo.able("RENEW_RESOURCE")
    large = b"%PDF-1.7\n" + bytes(range(256)) * 39_000 + b"\n%%EOF"
    order = await ordered(kept.demo, uuid, large)
    assert (await kept.get(f"/attachments/{order}.pdf")).content == large


async def test_over_the_wire_it_is_the_same(kept: Kept) -> None:
    with process("--database-url", kept.url, provider_seconds="off") as served:
        at, said = (
            urlsplit(served.url),
            {"Authorization": f"Token {kept.demo.client.tokens['staff']}"},
        )
        for how, path, status, content in (
            ("GET", kept.path, 200, PDF),
            ("HEAD", kept.path, 200, b""),
            ("GET", f"/attachments/..{kept.path}", 404, ABSENT[1].encode()),
            ("GET", "/attachments/../livez", 404, ABSENT[1].encode()),
            ("GET", "/attachments/%2e%2e/livez", 404, ABSENT[1].encode()),
            ("HEAD", "/attachments/%00", 404, b""),
        ):
            line = http.client.HTTPConnection(str(at.hostname), at.port, timeout=10)
            line.request(how, path, headers=said)
            answer = line.getresponse()
            assert (answer.status, answer.read()) == (status, content), path
            line.close()


async def test_where_nothing_is_kept_nothing_is_served(kept: Kept, waldur2024_url: str) -> None:
    media = "https://media.example.org"
    async with service(kept.url, changes="off", media_url=media) as client:
        off = Kept(kept.url, Changing(client, kept.demo.connection), kept.order, kept.resource)
        assert await absent(off, kept.path)
        stored = f"{media}/marketplace_order_attachments/"
        assert (await off.shown())["attachment"].startswith(stored)
    async with service(waldur2024_url) as client:
        other = Kept(waldur2024_url, Changing(client, kept.demo.connection), kept.order, "")
        assert await absent(other, kept.path)


async def test_who_loses_sight_of_the_order_loses_the_file(kept: Kept) -> None:
    moving = kept.demo.sql(
        "select p.uuid from structure_project p join structure_customer c on c.id = p.customer_id"
        " and not c.blocked where not p.is_removed and p.customer_id <> (select q.customer_id"
        " from structure_project q join marketplace_resource r on r.project_id = q.id"
        " where r.uuid = %s) order by p.id limit 5",
        kept.resource,
    )
    before = {each for each in PEOPLE if not await absent(kept, kept.path, each)}
    kept.demo.sql("update invoices_invoice set state = 'pending'")
    for (project,) in moving:
        moved = await kept.demo.change("moveResource", uuid=kept.resource, project=project.hex)
        assert moved["__typename"] == "ResourceMoved"
        now = {each for each in PEOPLE if not await absent(kept, kept.path, each)}
        assert now == {each for each in PEOPLE if await kept.shown(each) is not None}
        before, lost = now, before - now
        if lost:
            return
    raise AssertionError("Nobody lost sight of anything.")


PEOPLE = ("owner", "manager", "member", "provider", "nobody")

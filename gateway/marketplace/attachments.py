"""Files that come with orders: purchase orders, as PDF (domain.md §1.8, §5.6)."""

import re
from uuid import UUID, uuid4

from gateway.db import tables
from gateway.db.admin import own_tables
from gateway.marketplace.problems import ChangeRefusedError, build_invalid_input, raise_problem
from gateway.marketplace.unit_of_work import UnitOfWork, build_not_found

MAX_ATTACHMENT_BYTES = 10 * 1024 * 1024
"""Bytes of a file."""
ATTACHMENT_FOLDER = "marketplace_order_attachments"
ATTACHMENT_PATH_PREFIX = "/attachments/"
"""Below this path the files are served, each by the uuid of its order."""
_PDF_HEADER, _PDF_TRAILER = b"%PDF-", b"%%EOF"
_MARKER_WINDOW_BYTES = 1024
"""A PDF's marks stand so near to its beginning and end."""
_ATTACHMENT_PATH_PATTERN = re.compile(rf"{ATTACHMENT_PATH_PREFIX}([0-9a-f]{{32}})\.pdf")


async def store_attachment(unit_of_work: UnitOfWork, content: bytes | None) -> str | None:
    """Keep a file and give its path; RefusedError if it is no PDF."""
    if content is None:
        return None
    if len(content) > MAX_ATTACHMENT_BYTES:
        raise_problem(build_invalid_input("attachment", message="Give a file of at most 10 MB."))
    if (
        _PDF_HEADER not in content[:_MARKER_WINDOW_BYTES]
        or _PDF_TRAILER not in content[-_MARKER_WINDOW_BYTES:]
    ):
        raise_problem(build_invalid_input("attachment", message="Give a PDF."))
    path = f"{ATTACHMENT_FOLDER}/{uuid4().hex}.pdf"
    await unit_of_work.writer.insert_row(own_tables.attachment, path=path, content=content)
    return path


def build_attachment_path(path: str, order_uuid: str) -> str | None:
    """Give where the file at `path` of an order is served; None if it is none of those kept."""
    return (
        f"{ATTACHMENT_PATH_PREFIX}{UUID(order_uuid).hex}.pdf"
        if path.startswith(f"{ATTACHMENT_FOLDER}/")
        else None
    )


def parse_attachment_path(url_path: str) -> str | None:
    """Give the uuid of the order whose file has that address; None if it is none."""
    match = _ATTACHMENT_PATH_PATTERN.fullmatch(url_path)
    return match and match[1]


async def load_attachment(unit_of_work: UnitOfWork, order_uuid: str) -> bytes:
    """Give the file of an order; RefusedError if the viewer sees no such order, or no file."""
    order = await unit_of_work.load_row(
        tables.order, await unit_of_work.find_visible_id(tables.order, order_uuid)
    )
    rows = await unit_of_work.writer.select_rows(
        own_tables.attachment, [own_tables.attachment.c.content], {"path": order.attachment}
    )
    if not rows:
        raise ChangeRefusedError(build_not_found("file"))
    ((content,),) = rows
    return bytes(content)

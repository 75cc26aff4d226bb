"""Attachments of orders: purchase orders as PDF files (domain.md §1.8, §5.6)."""

import re
from uuid import UUID, uuid4

from gateway.db import tables
from gateway.db.admin import own_tables
from gateway.marketplace.problems import (
    ChangeRefusedError,
    InvalidInput,
    build_invalid_input,
    raise_problem,
)
from gateway.marketplace.rows import OrderFileRow
from gateway.marketplace.unit_of_work import UnitOfWork, build_not_found

MAX_ATTACHMENT_BYTES = 10 * 1024 * 1024
"""Maximum size of a file."""
ATTACHMENT_FOLDER = "marketplace_order_attachments"
ATTACHMENT_PATH_PREFIX = "/attachments/"
"""URL path below which files are served, each under the uuid of its order; without root path."""
_PDF_HEADER, _PDF_TRAILER = b"%PDF-", b"%%EOF"
_MARKER_WINDOW_BYTES = 1024
"""Number of bytes at the start and the end of a file that are searched for PDF's markers."""
_ATTACHMENT_PATH_PATTERN = re.compile(rf"{ATTACHMENT_PATH_PREFIX}([0-9a-f]{{32}})\.pdf")


async def store_attachment(unit_of_work: UnitOfWork, content: bytes | None) -> str | None:
    """Store a file and return its path; None without a file.

    Raises ChangeRefusedError if the file is too large or not a PDF.
    """
    if content is None:
        return None
    raise_problem(check_attachment(content))
    path = f"{ATTACHMENT_FOLDER}/{uuid4().hex}.pdf"
    await unit_of_work.writer.insert_row(own_tables.attachment, path=path, content=content)
    return path


def check_attachment(content: bytes | None) -> InvalidInput | None:
    """Return the problem of a file that is too large or not a PDF; None without a file."""
    if content is None:
        return None
    if len(content) > MAX_ATTACHMENT_BYTES:
        message = f"must be a file of at most 10 MB, got {len(content)} bytes."
        return build_invalid_input("attachment", message=message)
    is_marked = (
        _PDF_HEADER in content[:_MARKER_WINDOW_BYTES]
        and _PDF_TRAILER in content[-_MARKER_WINDOW_BYTES:]
    )
    return None if is_marked else build_invalid_input("attachment", message="must be a PDF file.")


def build_attachment_path(path: str, order_uuid: str, root_path: str) -> str | None:
    """Return the URL path of an order's file; None if the gateway did not store the file."""
    return (
        f"{root_path}{ATTACHMENT_PATH_PREFIX}{UUID(order_uuid).hex}.pdf"
        if path.startswith(f"{ATTACHMENT_FOLDER}/")
        else None
    )


def parse_attachment_path(url_path: str) -> str | None:
    """Return the order's uuid in the URL path of a file; None for any other path."""
    match = _ATTACHMENT_PATH_PATTERN.fullmatch(url_path)
    return match and match[1]


async def load_attachment(unit_of_work: UnitOfWork, order_uuid: str) -> bytes:
    """Return the content of an order's file.

    Raises ChangeRefusedError if the viewer can't see the order, or it has no stored file.
    """
    order = await unit_of_work.load_row(
        OrderFileRow, await unit_of_work.find_visible_id(tables.order, order_uuid)
    )
    rows = await unit_of_work.writer.select_rows(
        own_tables.attachment, [own_tables.attachment.c.content], {"path": order.attachment}
    )
    if not rows:
        raise ChangeRefusedError(build_not_found("file"))
    ((content,),) = rows
    return bytes(content)

"""Files that come with orders: purchase orders, as PDF (domain.md §1.8, §5.6)."""

import re
from uuid import UUID, uuid4

from gateway.db import tables
from gateway.db.admin import own_tables
from gateway.marketplace.problems import RefusedError, invalid, refuse
from gateway.marketplace.unit_of_work import Change, missing

LARGEST = 10 * 1024 * 1024
"""Bytes of a file."""
FOLDER = "marketplace_order_attachments"
PLACE = "/attachments/"
"""Below this path the files are served, each by the uuid of its order."""
_MARK, _END = b"%PDF-", b"%%EOF"
_NEAR = 1024
"""A PDF's marks stand so near to its beginning and end."""
_PATH = re.compile(rf"{PLACE}([0-9a-f]{{32}})\.pdf")


async def kept(change: Change, content: bytes | None) -> str | None:
    """Keep a file and give its path; RefusedError if it is no PDF."""
    if content is None:
        return None
    if len(content) > LARGEST:
        refuse(invalid("attachment", message="Give a file of at most 10 MB."))
    if _MARK not in content[:_NEAR] or _END not in content[-_NEAR:]:
        refuse(invalid("attachment", message="Give a PDF."))
    path = f"{FOLDER}/{uuid4().hex}.pdf"
    await change.writer.insert(own_tables.attachment, path=path, content=content)
    return path


def address(path: str, uuid: str) -> str | None:
    """Give where the file at `path` of an order is served; None if it is none of those kept."""
    return f"{PLACE}{UUID(uuid).hex}.pdf" if path.startswith(f"{FOLDER}/") else None


def named(path: str) -> str | None:
    """Give the uuid of the order whose file has that address; None if it is none."""
    found = _PATH.fullmatch(path)
    return found and found[1]


async def fetched(change: Change, uuid: str) -> bytes:
    """Give the file of an order; RefusedError if the viewer sees no such order, or no file."""
    order = await change.row(tables.order, await change.seen(tables.order, uuid))
    found = await change.writer.rows(
        own_tables.attachment, [own_tables.attachment.c.content], {"path": order.attachment}
    )
    if not found:
        raise RefusedError(missing("file"))
    ((content,),) = found
    return bytes(content)

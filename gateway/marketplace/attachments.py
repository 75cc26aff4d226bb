"""Files that come with orders: purchase orders, as PDF (domain.md §1.8, §5.6)."""

from uuid import uuid4

from gateway.db import own
from gateway.marketplace.change import Change
from gateway.marketplace.problems import invalid, refuse

LARGEST = 10 * 1024 * 1024
"""Bytes of a file."""
FOLDER = "marketplace_order_attachments"
_MARK, _END = b"%PDF-", b"%%EOF"
_NEAR = 1024
"""A PDF's marks stand so near to its beginning and end."""


async def kept(change: Change, content: bytes | None) -> str | None:
    """Keep a file and give its path; RefusedError if it is no PDF."""
    if content is None:
        return None
    if len(content) > LARGEST:
        refuse(invalid("attachment", message="Give a file of at most 10 MB."))
    if _MARK not in content[:_NEAR] or _END not in content[-_NEAR:]:
        refuse(invalid("attachment", message="Give a PDF."))
    path = f"{FOLDER}/{uuid4().hex}.pdf"
    await change.writer.insert(own.attachment, path=path, content=content)
    return path

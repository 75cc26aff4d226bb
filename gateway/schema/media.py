"""Where pictures and other files are."""

from gateway.marketplace.attachments import address


def media_url(path: str | None, base: str | None) -> str | None:
    """Give the address of a stored picture; null if there is none, or `base` is not known."""
    return base + path if path and base else None


def attachment_url(path: str | None, uuid: str, base: str | None, keeps: bool) -> str | None:  # noqa: FBT001
    """Give the address of an order's file: here, if that `keeps` it, or with the pictures."""
    here = address(path, uuid) if path and keeps else None
    return here or media_url(path, base)

"""Where pictures are."""


def media_url(path: str | None, base: str) -> str | None:
    """Give the address of a stored picture; null if there is none."""
    return base + path if path else None

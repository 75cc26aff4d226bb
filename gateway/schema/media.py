"""Where pictures are."""


def media_url(path: str | None, base: str | None) -> str | None:
    """Give the address of a stored picture; null if there is none, or `base` is not known."""
    return base + path if path and base else None

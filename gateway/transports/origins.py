"""Which pages may open a WebSocket: browsers let every page try, and send cookies along."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.types import Scope


def allowed(scope: Scope, others: Collection[str]) -> bool:
    """Say whether the page that a WebSocket comes from may have one.

    It may if it is served from here or from one of some other origins; what is
    no browser names none.
    """
    said: dict[bytes, str] = {name: value.decode("latin-1") for name, value in scope["headers"]}
    origin = said.get(b"origin")
    if origin is None or origin in others:
        return True
    try:
        here: str = said.get(b"host", "").lower()
        return here != "" and urlsplit(origin).netloc.lower() == here
    except ValueError:
        return False

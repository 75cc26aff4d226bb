"""Who may have a WebSocket: browsers let every page try, and send cookies along."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from gateway.subscriptions.quota import TooManyError
from gateway.transports.graphql_transport_ws import SUBPROTOCOL, Close, CloseError, closing
from gateway.transports.services import Desk
from gateway.transports.websocket import Socket


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


async def connected(desk: Desk, scope: Scope, receive: Receive, send: Send, id_: str) -> None:
    """Serve a WebSocket, if it speaks the protocol and comes from a page that may have one."""
    await receive()  # websocket.connect
    if not allowed(scope, desk.settings.origins):
        await send({"type": "websocket.close", "code": int(Close.FORBIDDEN)})
        return
    spoken = SUBPROTOCOL in scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if spoken else None})
    why = CloseError(Close.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
    if spoken:
        try:
            with desk.sockets.one(None):
                await Socket(desk, scope, receive, send, id_).serve()
                return
        except TooManyError as problem:
            why = CloseError(Close.UNAVAILABLE, str(problem))
    await send(closing(why))

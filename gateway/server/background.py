"""What a service holds besides its database: who makes changes, and who keeps tokens alive."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from gateway.auth.token_refresh import KeepAlive, Waldur
from gateway.config.settings import Settings
from gateway.db.driver.transactions import Writing
from gateway.db.installation.installation import Installation
from gateway.db.queries.tokens import slide
from gateway.db.sql.compiler import Statements
from gateway.marketplace.unit_of_work import Changes

Companion = Callable[[Writing, Statements], Coroutine[Any, Any, None]]
"""Works in the background until it is cancelled."""


async def changing(
    settings: Settings,
    statements: Statements,
    companion: Companion | None,
    held: AsyncExitStack,
) -> Changes:
    """Give where changes are made: in the database itself if it is ours, else nowhere yet."""
    reason = unchangeable(settings, statements.installation)
    if reason is not None:
        return Changes(reason=reason)
    assert settings.database_url is not None
    seconds, pooler = settings.statement_seconds, settings.pooler
    writing = Writing(settings.database_url, statement_seconds=seconds, pooler=pooler)
    await writing.open()
    held.push_async_callback(writing.close)
    if companion is not None:
        working = asyncio.create_task(companion(writing, statements))
        held.push_async_callback(_ended, working)
    return Changes(writing, statements)


def kept_alive(
    settings: Settings, installation: Installation, held: AsyncExitStack
) -> Callable[[str], None]:
    """Give what is to be told of each used token: a demo's own tables, or Waldur, or nobody."""
    if not settings.keep_tokens:
        return lambda _key: None
    if installation.writable:
        assert settings.database_url is not None
        keep = KeepAlive(partial(slide, settings.database_url), seconds=60)
    elif settings.waldur_url:
        waldur = Waldur(settings.waldur_url)
        held.push_async_callback(waldur.close)
        keep = KeepAlive(waldur.say, seconds=600)
    else:
        return lambda _key: None
    held.push_async_callback(keep.close)
    return keep.used


async def _ended(working: asyncio.Task[None]) -> None:
    """Have a companion end."""
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


def unchangeable(settings: Settings, installation: Installation) -> str | None:
    """Say why a marketplace can't be changed; None if it is ours, and can."""
    if settings.changes == "off":
        return "Changes are switched off (GATEWAY_CHANGES)."
    if installation.writable and settings.changes in ("auto", "local"):
        return None
    if settings.changes == "local" or settings.waldur_url is None:
        return (
            "This marketplace was not made by the gateway, which changes nothing in it: "
            "it needs the address of Waldur's REST API (GATEWAY_WALDUR_URL)."
        )
    return "Changes by Waldur's REST API are not supported yet."

"""What tells a process's subscribers of changes: opened as one, and closed as one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.auth.authenticator import Viewers
from gateway.config.settings import Settings
from gateway.db.access.viewer import Viewer
from gateway.db.driver.database import Database
from gateway.db.events.change_feed import Watching
from gateway.db.events.scope_uuids import Places
from gateway.execution.executor import Answering
from gateway.schema.framework.context import Context
from gateway.subscriptions.hub import Hub
from gateway.subscriptions.message_builder import Telling
from gateway.subscriptions.quota import Admission
from gateway.subscriptions.registry import Subscriptions
from gateway.subscriptions.session_monitor import Presence


def watched(settings: Settings, url: str) -> Watching:
    """Give what sees changes, as it is set."""
    return Watching(url, settings.events, settings.events_seconds, pooler=settings.pooler)


class Live:
    """The parts, as transports use them."""

    def __init__(
        self,
        settings: Settings,
        watching: Watching,
        answering: Answering,
        viewers: Viewers,
        contexts: Callable[[Viewer], Context],
        database: Database,
    ) -> None:
        """Tell what `watching` sees, in answers of `answering`."""
        self._watching, self._days = watching, settings.events_days
        telling = Telling(answering, contexts, lambda: watching.kind or "")
        self.hub = Hub(watching, telling, Places(database))
        self.presence = Presence(viewers)
        self.admission = Admission(
            "subscriptions", settings.subscriptions, settings.user_subscriptions
        )
        self.subscriptions = Subscriptions(self.hub, self.admission, settings.subscriber_queue)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work until the context is left."""
        tasks = [
            asyncio.create_task(self._watching.run(self.hub.take, self.hub.lost)),
            asyncio.create_task(self._watching.keep_short(self._days)),
            asyncio.create_task(self.presence.run()),
        ]
        try:
            yield
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.hub.close()

"""Who is subscribed is looked at again: tokens end, users leave, roles come and go."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from gateway.subscriptions.session_monitor import SECONDS
from tests.support.test_oracle_2026 import give_role
from tests.transports.streaming_server import (
    CHANGES,
    Message,
    Served,
    Talk,
    attached,
    raw,
    talk,
    until,
)
from tests.transports.test_http_stream import MULTIPART, SSE, streamed

ENDS = {
    "update authtoken_token set key = reverse(key) where key = %s": "Invalid token.",
    "update core_user set is_active = false where id ="
    " (select user_id from authtoken_token where key = %s)": "User inactive or deleted.",
    "with one as (update authtoken_token set created = '2020-01-01' where key = %s"
    " returning user_id) update core_user set token_lifetime = 3600"
    " where id in (select user_id from one)": "Token has expired.",
}
"""What ends a token, and what its holder is told."""
AGAIN = """
with one as (
    update authtoken_token set key = %s, created = now() where key in (%s, reverse(%s))
    returning user_id
) update core_user set is_active = true where id in (select user_id from one)
"""
TAKE = """
update permissions_userrole set is_active = null
where user_id = (select id from core_user where username = 'nobody')
"""


@pytest.fixture
def gateway(watchful: Served) -> Served:
    """Give a gateway that looks often at who is there."""
    return watchful


@contextmanager
def ended(gateway: Served, statement: str, as_: str) -> Iterator[None]:
    """End a user's token, and begin it anew."""
    key = gateway.tokens[as_]
    gateway.sql(statement, key)
    try:
        yield
    finally:
        gateway.sql(AGAIN, key, key, key)


def test_it_is_soon_enough() -> None:
    assert SECONDS <= 25


@pytest.mark.parametrize(("statement", "why"), ENDS.items(), ids=ENDS.values())
async def test_a_socket_is_closed(gateway: Served, statement: str, why: str) -> None:
    async with talk(gateway, "member") as talking, talk(gateway, "owner") as other:
        await talking.ask(CHANGES)
        await other.ask("{ __typename }")
        with ended(gateway, statement, "member"):
            assert await talking.closed() == (4403, why)
            assert gateway.subscribed() == 0
            async with raw(gateway) as again:
                await again.say("connection_init", payload=gateway.header("member"))
                assert await again.closed() == (4403, why)
        assert (await other.hear())["type"] == "next"


@pytest.mark.parametrize(("statement", "why"), ENDS.items(), ids=ENDS.values())
@pytest.mark.parametrize("accept", [SSE, MULTIPART])
async def test_a_stream_ends(gateway: Served, accept: str, statement: str, why: str) -> None:
    header = gateway.header("member")
    async with streamed(gateway, accept=accept, **header) as told_by:
        await attached(gateway)
        with ended(gateway, statement, "member"):
            rest = await told_by.rest()
            error = f'"errors":[{{"message":"{why}","extensions":{{"code":"UNAUTHENTICATED"}}}}]'
            if accept == SSE:
                assert rest.endswith(
                    f"event: next\ndata: {{{error}}}\n\nevent: complete\ndata:\n\n"
                )
            else:
                assert rest.endswith(f'{{"payload":null,{error}}}\r\n--graphql--\r\n')
    await until(lambda: gateway.subscribed() == 0)


async def test_a_query_with_a_token_that_ended_closes_the_socket(gateway: Served) -> None:
    (statement, why), *_ = ENDS.items()
    async with talk(gateway, "member") as talking:
        with ended(gateway, statement, "member"):
            await talking.ask("{ __typename }")
            assert await talking.closed() == (4403, why)


class Watched:
    """A resource of a project in which somebody has no role, and a member of staff who watches."""

    def __init__(self, gateway: Served, staff: Talk) -> None:
        self._gateway, self._staff = gateway, staff
        ((self._project, self._resource),) = gateway.sql(
            "select project_id, id from marketplace_resource order by id limit 1"
        )

    async def give(self) -> None:
        """Give "nobody" a role there, and wait until that was looked at."""
        with psycopg.connect(self._gateway.database) as connection:
            give_role(connection, "nobody", "PROJECT.MEMBER", "project", self._project)
        await asyncio.sleep(1)

    async def take(self) -> None:
        """Take it away, and wait until that was looked at."""
        self._gateway.sql(TAKE)
        await asyncio.sleep(1)

    async def rename(self, name: str) -> Message:
        """Rename the resource; give what the staff are told of it."""
        self._gateway.rename(name, self._resource)
        return await self._staff.told()


async def silent(talking: Talk) -> None:
    """See that nothing was told."""
    await talking.say("ping")
    assert await talking.hear() == {"type": "pong"}


async def test_a_role_that_is_given_and_taken_away(gateway: Served) -> None:
    async with talk(gateway, "nobody") as talking, talk(gateway) as staff:
        watched = Watched(gateway, staff)
        await talking.ask(CHANGES)
        await staff.ask(CHANGES)
        await attached(gateway, 2)
        await watched.rename("without a role")
        await silent(talking)
        await watched.give()
        said = await watched.rename("with a role")
        assert await talking.told() == said
        await watched.take()
        await watched.rename("without a role again")
        await silent(talking)

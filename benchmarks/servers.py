"""The servers that are measured: each a process of its own on a free port, over one database."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from benchmarks import node
from benchmarks.marketplaces import Marketplace
from benchmarks.queries import GATEWAY, PLAIN, POSTGRAPHILE, Dialect
from benchmarks.saying import say
from gateway.config.settings import PREFIX, settings
from tests.support.gateway_server import process

HERE = Path(__file__).parent
PATIENCE = 60
PLANS = ("force_generic_plan", "auto")
"""How PostgreSQL can plan for the peers: the first is what the gateway's connections have."""


@dataclass(frozen=True)
class Target:
    """A server, and on whose behalf it is asked."""

    name: str
    url: str
    pid: int
    dialect: Dialect
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What is sent with each request."""
        sent = {"Content-Type": "application/json", "Accept": "application/json"}
        return sent | ({"Authorization": f"Token {self.token}"} if self.token else {})

    def ask(self, asked: dict[str, Any]) -> bytes:
        """Give the body of the answer."""
        body = json.dumps(asked).encode()
        request = urllib.request.Request(self.url, data=body, headers=self.headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            return bytes(error.read())


@dataclass(frozen=True)
class Peer:
    """How a peer is started, and what it calls things."""

    dialect: Dialect
    command: Callable[[int], tuple[str, ...]]
    """What starts it on a port."""
    folder: Path


def _node(name: str, dialect: Dialect) -> Peer:
    folder = node.PEERS / name
    return Peer(dialect, lambda _: (str(node.ready(folder)), "server.mjs"), folder)


def _uvicorn(port: int) -> tuple[str, ...]:
    options = ("--no-access-log", "--log-level", "warning", "--timeout-keep-alive", "60")
    served = ("uvicorn", "benchmarks.peers.plain.app:app", "--port", str(port))
    return (sys.executable, "-m", *served, *options)


PEERS = {
    "postgraphile": _node("postgraphile", POSTGRAPHILE),
    "mercurius": _node("mercurius", PLAIN),
    "strawberry": Peer(PLAIN, _uvicorn, HERE.parent),
}


@contextmanager
def serving(
    place: Marketplace, member: str, peers: Sequence[str], plans: str
) -> Iterator[list[Target]]:
    """Have the gateway and the peers run; give the targets, the gateway's two first.

    `plans` is how PostgreSQL plans what the peers prepare.
    """
    with ExitStack() as running:
        targets = running.enter_context(gateway(place, "staff", member))
        for name in peers:
            say(f"Starting {name} ...")
            targets.append(running.enter_context(_peer(name, place, plans)))
        yield targets


@contextmanager
def gateway(place: Marketplace, *usernames: str) -> Iterator[list[Target]]:
    """Have the gateway run, with the settings of the environment; give a target for each user."""
    outside = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in os.environ.items()
        if name.startswith(PREFIX)
    }
    with process("--database-url", place.url, **outside) as started:
        url, pid = f"{started.url}/graphql", started.process.pid
        yield [Target(_named(each), url, pid, GATEWAY, place.tokens[each]) for each in usernames]


def _named(username: str) -> str:
    return "gateway, staff" if username == "staff" else "gateway, member"


@contextmanager
def _peer(name: str, place: Marketplace, plans: str) -> Iterator[Target]:
    peer, port = PEERS[name], _free_port()
    url = f"http://127.0.0.1:{port}/graphql"
    with TemporaryFile("a+b") as said:
        started = subprocess.Popen(
            peer.command(port),
            cwd=peer.folder,
            env=_environment(place, port, plans),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            target = Target(name, url, started.pid, peer.dialect)
            if not _answers(target, started):
                said.seek(0)
                raise SystemExit(f"{name} does not serve: {said.read().decode()[-2000:]}")
            yield target
        finally:
            started.terminate()
            _end(started)


def _environment(place: Marketplace, port: int, plans: str) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": place.url,
        "PGOPTIONS": f"-c plan_cache_mode={plans}",
        "PORT": str(port),
        "POOL_SIZE": str(settings().pool_size),
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
    }


def _answers(target: Target, started: subprocess.Popen[bytes]) -> bool:
    """Wait until a server answers; tell whether it does."""
    deadline = time.monotonic() + PATIENCE
    while started.poll() is None and time.monotonic() < deadline:
        try:
            target.ask({"query": "{ __typename }"})
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


def _end(started: subprocess.Popen[bytes]) -> None:
    try:
        started.wait(10)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port

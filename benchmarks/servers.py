"""The measured servers: each a process of its own on a free port, over one database."""

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
from benchmarks.cli_support import print_progress
from benchmarks.marketplaces import BenchmarkMarketplace
from benchmarks.queries import GATEWAY_DIALECT, PLAIN_DIALECT, POSTGRAPHILE_DIALECT, Dialect
from gateway.config.settings import ENVIRONMENT_PREFIX, load_settings
from tests.support.gateway_server import UNLIMITED_RATES, run_gateway_process
from tests.support.process_output import read_process_output

BENCHMARKS_FOLDER = Path(__file__).parent
START_TIMEOUT_SECONDS = 60
PLAN_CACHE_MODES = ("force_generic_plan", "auto")
"""plan_cache_mode of the peers' connections; the gateway's connections have the first."""


@dataclass(frozen=True)
class ServerTarget:
    """A server, with the user whose token its requests have."""

    name: str
    url: str
    pid: int
    dialect: Dialect
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of each request."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return headers | ({"Authorization": f"Token {self.token}"} if self.token else {})

    def post_request(self, body: dict[str, Any]) -> bytes:
        """Send a request and return the body of the response, also for HTTP errors."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.url, data=data, headers=self.headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            return bytes(error.read())


@dataclass(frozen=True)
class PeerServer:
    """The command of a peer and its dialect."""

    dialect: Dialect
    command: Callable[[int], tuple[str, ...]]
    """Return the command for a port."""
    folder: Path


def _make_node_peer(name: str, dialect: Dialect) -> PeerServer:
    folder = node.PEERS_FOLDER / name
    return PeerServer(dialect, lambda _: (str(node.install_node(folder)), "server.mjs"), folder)


def _uvicorn_command(port: int) -> tuple[str, ...]:
    options = ("--no-access-log", "--log-level", "warning", "--timeout-keep-alive", "60")
    application = ("uvicorn", "benchmarks.peers.plain.app:app", "--port", str(port))
    return (sys.executable, "-m", *application, *options)


PEER_SERVERS = {
    "postgraphile": _make_node_peer("postgraphile", POSTGRAPHILE_DIALECT),
    "mercurius": _make_node_peer("mercurius", PLAIN_DIALECT),
    "strawberry": PeerServer(PLAIN_DIALECT, _uvicorn_command, BENCHMARKS_FOLDER.parent),
}


@contextmanager
def run_servers(
    marketplace: BenchmarkMarketplace, member: str, peers: Sequence[str], plan_cache_mode: str
) -> Iterator[list[ServerTarget]]:
    """Run the gateway and the peers; yield the targets, the gateway's two first."""
    with ExitStack() as stack:
        targets = stack.enter_context(run_gateway(marketplace, "staff", member))
        for name in peers:
            print_progress(f"Starting {name} ...")
            targets.append(stack.enter_context(_run_peer(name, marketplace, plan_cache_mode)))
        yield targets


@contextmanager
def run_gateway(marketplace: BenchmarkMarketplace, *usernames: str) -> Iterator[list[ServerTarget]]:
    """Run the gateway with the environment's settings; yield a target for each user.

    Rate limits are off unless the environment sets them: one user sends all requests.
    """
    environment = UNLIMITED_RATES | {
        name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
        for name, value in os.environ.items()
        if name.startswith(ENVIRONMENT_PREFIX)
    }
    with run_gateway_process("--database-url", marketplace.url, **environment) as server:
        url, pid = f"{server.url}/graphql", server.popen.pid
        yield [
            ServerTarget(
                _target_name(username), url, pid, GATEWAY_DIALECT, marketplace.tokens[username]
            )
            for username in usernames
        ]


def _target_name(username: str) -> str:
    return "gateway, staff" if username == "staff" else "gateway, member"


@contextmanager
def _run_peer(
    name: str, marketplace: BenchmarkMarketplace, plan_cache_mode: str
) -> Iterator[ServerTarget]:
    peer, port = PEER_SERVERS[name], _find_free_port()
    url = f"http://127.0.0.1:{port}/graphql"
    with TemporaryFile("a+b") as output:
        server_process = subprocess.Popen(
            peer.command(port),
            cwd=peer.folder,
            env=_peer_environment(marketplace, port, plan_cache_mode),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            target = ServerTarget(name, url, server_process.pid, peer.dialect)
            if not _wait_until_serving(target, server_process):
                output_end = read_process_output(output)[-2000:]
                raise SystemExit(f"{name} does not respond: {output_end}")
            yield target
        finally:
            server_process.terminate()
            _end_process(server_process)


def _peer_environment(
    marketplace: BenchmarkMarketplace, port: int, plan_cache_mode: str
) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": marketplace.url,
        "PGOPTIONS": f"-c plan_cache_mode={plan_cache_mode}",
        "PORT": str(port),
        "POOL_SIZE": str(load_settings().pool_size),
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
    }


def _wait_until_serving(target: ServerTarget, server_process: subprocess.Popen[bytes]) -> bool:
    """Wait until a server responds; return False if it exits or START_TIMEOUT_SECONDS pass."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while server_process.poll() is None and time.monotonic() < deadline:
        try:
            target.post_request({"query": "{ __typename }"})
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


def _end_process(server_process: subprocess.Popen[bytes]) -> None:
    try:
        server_process.wait(10)
    except subprocess.TimeoutExpired:
        server_process.kill()
        server_process.wait()


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port

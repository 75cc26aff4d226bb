"""Reverse proxies with TLS in front of a gateway, configured by docs/behind-a-proxy.md."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.support.project_paths import PROJECT_ROOT
from tests.support.time_limits import block_until

ProxyName = Literal["nginx", "haproxy"]
PathHandling = Literal["root", "forwarded", "stripped"]
"""Whether the gateway is published below a path, which the proxy forwards or strips."""
PROXY_PAGE = (PROJECT_ROOT / "docs/behind-a-proxy.md").read_text(encoding="utf-8")
ROOT_PATH = "/api/gateway"
_PROGRAM_PATHS = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_PATH_LINES = {
    "nginx": re.compile(r"(?: *location (?!/ ).*\n)+"),
    "haproxy": re.compile(r" *http-request deny deny_status 404 .*\n"),
}
"""The lines of a configuration that are replaced below a path."""
_NGINX_CONFIG = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/gateway.conf;
}}
"""
"""The rest of nginx's configuration: one process in the foreground, all files in one folder."""


@dataclass(frozen=True)
class RunningProxy:
    """A proxy in front of a gateway."""

    port: int
    certificate: Path
    prefix: str
    """The path below which it publishes the gateway."""

    @property
    def origin(self) -> str:
        """Origin of the gateway as browsers see it."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """URL of the GraphQL endpoint."""
        return f"{self.origin}{self.prefix}/graphql"


def describe_missing_program(*names: str) -> str:
    """Return which of the programs are not installed; an empty string if all are."""
    missing = [name for name in names if shutil.which(name, path=_PROGRAM_PATHS) is None]
    return f"{', '.join(missing)} is not installed" if missing else ""


def create_certificate(folder: Path) -> Path:
    """Create a self-signed certificate for 127.0.0.1 under the page's names; return its path."""
    certificate, key = folder / "api.example.org.crt", folder / "api.example.org.key"
    extensions = ("subjectAltName=IP:127.0.0.1", "keyUsage=critical,digitalSignature,keyCertSign")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", str(key)]
    command += ["-out", str(certificate)]
    for extension in extensions:
        command += ["-addext", extension]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "api.example.org.pem").write_bytes(certificate.read_bytes() + key.read_bytes())
    return certificate


@contextmanager
def run_proxy(
    name: ProxyName, path_handling: PathHandling, gateway_port: int, folder: Path
) -> Iterator[RunningProxy]:
    """Run a proxy on a free port until the end of the body; `folder` has the certificate."""
    port = _find_free_port()
    config = _build_config(name, path_handling)
    for documented, actual in (
        ("127.0.0.1:8000", f"127.0.0.1:{gateway_port}"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("bind :443", f"bind 127.0.0.1:{port}"),
        ("/etc/ssl", str(folder)),
    ):
        config = config.replace(documented, actual)
    (folder / "gateway.conf").write_text(config)
    (folder / "nginx.conf").write_text(_NGINX_CONFIG.format(folder=folder))
    with _run_program(_build_command(name, folder), folder / f"{name}.log", port):
        prefix = "" if path_handling == "root" else ROOT_PATH
        yield RunningProxy(port, folder / "api.example.org.crt", prefix)


def _build_config(name: ProxyName, path_handling: PathHandling) -> str:
    """Return the page's configuration; below a path, with the lines replaced as it says."""
    config, forwarding_lines, stripping_lines = re.findall(
        rf"```{name}\n(.*?)```", PROXY_PAGE, re.DOTALL
    )
    if path_handling == "root":
        return str(config)
    path_lines = forwarding_lines if path_handling == "forwarded" else stripping_lines
    config, count = _PATH_LINES[name].subn(lambda _: path_lines, config)
    assert count == 1
    return str(config)


def _build_command(name: ProxyName, folder: Path) -> list[str]:
    program = shutil.which(name, path=_PROGRAM_PATHS)
    assert program is not None
    if name == "nginx":
        return [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    return [program, "-db", "-q", "-f", str(folder / "gateway.conf")]


@contextmanager
def _run_program(command: list[str], log_path: Path, port: int) -> Iterator[None]:
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        block_until(lambda: process.poll() is not None or _accepts_connections(port))
        assert process.poll() is None, log_path.read_text()
        yield
    finally:
        process.kill()
        process.wait()


def _accepts_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

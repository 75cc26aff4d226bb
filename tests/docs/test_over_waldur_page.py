"""docs/over-waldur.md: its commands, run in their order over the Waldur of October 2024."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.conftest import DatabaseFactory
from tests.support import waldur_2024
from tests.support.gateway_server import build_environment, run_gateway_process
from tests.support.project_paths import PROJECT_ROOT
from tests.support.rest_server import run_rest_server
from tests.support.time_limits import scale_seconds
from tests.support.waldur_answers import WaldurAnswers

PAGE = (PROJECT_ROOT / "docs/over-waldur.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^##+ (.*)\n((?:(?!##).*\n)*)", PAGE, re.MULTILINE))
BLOCK_PATTERN = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LOG_LINE_PATTERN = re.compile(r"^\| [A-Z]+ \| `(.*?)` \|$", re.MULTILINE)
MESSAGE_PATTERN = re.compile(r"^\| `([^`]*?)` \|[^|]*\|[^|]*\|$", re.MULTILINE)
PREPARATION_PATTERN = re.compile(r"^(export |set -a)")
JOINED_SOURCES = re.sub(
    r'"\s*f?"',
    "",
    "\n".join(
        path.read_text(encoding="utf-8") for path in (PROJECT_ROOT / "gateway").rglob("*.py")
    ),
)
"""All sources, in which texts on several lines are joined."""
PSQL_SCRIPT = """
import sys, psycopg
_, url, *arguments = sys.argv
with psycopg.connect(url, autocommit=True) as connection:
    for option, value in zip(arguments, arguments[1:]):
        if option == "-f":
            statements = [each for each in open(value) if each.strip()]
        else:
            statements = [value] if option in ("-c", "-At") else []
        for each in statements:
            if each == "-c":
                continue
            cursor = connection.execute(each)
            if cursor.description:
                print(*(row[0] for row in cursor), sep="\\n")
"""
"""Program in place of psql, with the options that the page uses."""


def list_blocks(section: str, language: str) -> list[str]:
    """Return the code blocks of a section in a language."""
    return [text for name, text in BLOCK_PATTERN.findall(SECTIONS[section]) if name == language]


class OperatorShell:
    """Shell of an operator who follows the page."""

    def __init__(self, folder: Path, urls: dict[str, str], token: str) -> None:
        self._folder, self._urls, self._token = folder, urls, token
        self._preparation: list[str] = []
        self._write_program(".venv/bin/gateway", "-m", "gateway")
        (folder / "psql.py").write_text(PSQL_SCRIPT)
        self._write_program("psql", "psql.py")
        (setting_block,) = list_blocks("Settings", "ini")
        quoted_block = re.sub(r"^(\w+)=(.*)$", r"\1='\2'", setting_block, flags=re.MULTILINE)
        (folder / "gateway.env").write_text(self.substitute(quoted_block))

    def _write_program(self, name: str, *arguments: str) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, *arguments])} "$@"\n')
        path.chmod(0o755)

    def substitute(self, text: str) -> str:
        """Return a text of the page with the addresses of the test."""
        for documented_url, url in self._urls.items():
            text = text.replace(documented_url, url)
        return text.replace("/etc/gateway/gateway.env", str(self._folder / "gateway.env"))

    @property
    def settings(self) -> dict[str, str]:
        """The settings in gateway.env, by lower-case name without prefix."""
        pairs = re.findall(
            r"^GATEWAY_(\w+)='(.*)'$", (self._folder / "gateway.env").read_text(), re.MULTILINE
        )
        return {name.lower(): value for name, value in pairs}

    def run_section(self, section: str) -> str:
        """Run the commands of a section; return what they print."""
        return "".join(map(self._run_block, list_blocks(section, "sh")))

    def _run_block(self, block: str) -> str:
        lines = self.substitute(block).splitlines()
        self._preparation += [each for each in lines if PREPARATION_PATTERN.match(each)]
        commands = [each for each in lines if not PREPARATION_PATTERN.match(each)]
        environment = {
            **{name: each for name, each in build_environment().items() if name != "GATEWAY_DATA"},
            "PATH": f"{self._folder}:{os.environ['PATH']}",
            "PYTHONPATH": str(PROJECT_ROOT),
        }
        result = subprocess.run(
            ["bash", "-euc", "\n".join([*self._preparation, *commands])],
            cwd=self._folder,
            env=environment,
            input=f"{self._token}\n",
            capture_output=True,
            text=True,
            timeout=scale_seconds(120),
            check=False,
        )
        assert result.returncode == 0, (block, result.stdout, result.stderr)
        return result.stdout

    def run_requests(self, section: str) -> list[str]:
        """Serve as the page does, send the requests of a section; return the responses."""
        settings = self.settings | {"workers": "1"}
        settings.pop("port")
        with run_gateway_process(**settings) as gateway_process:
            return [
                self._send_request(command, gateway_process.url)
                for block in list_blocks(section, "sh")
                for command in block.replace("\\\n", " ").splitlines()
            ]

    def _send_request(self, command: str, gateway_url: str) -> str:
        curl, _, url, *options = shlex.split(command.replace("$WALDUR_TOKEN", self._token))
        assert curl == "curl"
        headers = dict(each.split(": ") for each in options[1::2] if not each.startswith("{"))
        content = next((each for each in options[1::2] if each.startswith("{")), None)
        return httpx.request(
            "GET" if content is None else "POST",
            url.replace("http://127.0.0.1:8000", gateway_url),
            headers=headers,
            content=content,
            timeout=scale_seconds(10),
        ).text


@pytest.fixture(scope="module")
def owner_url(new_database: DatabaseFactory) -> str:
    """Return the URL of the Waldur of October 2024 for its owner."""
    url = new_database()
    with psycopg.connect(url) as connection:
        waldur_2024.create_waldur_database(connection)
    return url


@pytest.fixture(scope="module")
def shell(owner_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorShell]:
    """Yield the operator's shell, with a server in place of Waldur's REST API."""
    with psycopg.connect(owner_url) as connection:
        token = waldur_2024.select_tokens(connection)["staff"]
    with run_rest_server() as rest_server:
        rest_server.respond = WaldurAnswers()
        urls = {
            "postgresql://waldur:password@db.example.org/waldur": owner_url,
            "postgresql://gateway_reader:password@db.example.org/waldur": owner_url.replace(
                "postgres@", "gateway_reader@"
            ),
            "https://waldur.example.org": rest_server.url,
        }
        yield OperatorShell(tmp_path_factory.mktemp("operator"), urls, token)


def test_each_step_works_in_its_order(shell: OperatorShell, owner_url: str) -> None:
    shell.run_section("Role")
    _expect_documented_findings(shell)
    shell.run_section("Events and keys")
    shell.run_section("Indexes")
    assert "; no failures, no warnings.\n" in shell.run_section("Upgrades")
    readiness, response = shell.run_requests("Serve")
    assert readiness.strip() == "ready"
    data = json.loads(response)["data"]
    assert data["viewer"] == {"user": {"username": "staff"}}
    shell.run_section("Removal")
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute(
            "select rolname from pg_roles where rolname = 'gateway_reader' union all"
            " select nspname from pg_namespace where nspname = 'gateway' union all"
            " select tgname from pg_trigger where tgname like 'gateway%' union all"
            " select indexname from pg_indexes where indexname like 'gateway%'"
        ).fetchall()
    assert rows == []


def _expect_documented_findings(shell: OperatorShell) -> None:
    """Check that `gateway check` prints what the page shows."""
    output = shell.run_section("Check")
    (documented_output,) = list_blocks("Check", "text")
    for line in shell.substitute(documented_output).splitlines():
        assert line.replace("18.1,", "") in re.sub(r"(?<=PostgreSQL )[\d.]+,", "", output), line


def test_the_unit_of_systemd_is_complete() -> None:
    (unit,) = list_blocks("Serve", "ini")
    assert "EnvironmentFile=/etc/gateway/gateway.env\n" in unit
    assert "ExecStart=/opt/gateway/.venv/bin/gateway serve\n" in unit


@pytest.mark.parametrize(
    "message",
    [
        *LOG_LINE_PATTERN.findall(SECTIONS["Monitoring"]),
        *MESSAGE_PATTERN.findall(SECTIONS["Troubleshooting"]),
    ],
)
def test_each_listed_message_exists(message: str) -> None:
    for part in message.split("…"):
        assert part.strip(" :") in JOINED_SOURCES, part

"""README.md and the reference pages: settings, commands, queries, errors and links are current."""

import json
import re

import pytest

from gateway.cli.main import COMMANDS, FLAGS
from gateway.config.settings import ENVIRONMENT_PREFIX, Settings, load_settings
from gateway.error_table import ErrorCode
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.subscription import PreparedSubscription
from tests.support.marketplaces import Marketplace
from tests.support.project_paths import PROJECT_ROOT
from tests.support.subscriptions import admit_subscription

README, SETTINGS_PAGE, COMMANDS_PAGE, ERRORS_PAGE = (
    (PROJECT_ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "docs/settings.md", "docs/commands.md", "docs/errors.md")
)
SETTING_PATTERN = re.compile(r"\| `(GATEWAY_\w+)` \| ?([^|]*)\| ([^|]*) \|")
USERS_PATTERN = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \|[^|]*\| (\d+(?:, \d+)*) \|$", re.MULTILINE)
CURL_PATTERN = re.compile(
    r"^curl .*?-d '(.*?)'\n```\n\n```json\n(.*?)\n```", re.DOTALL | re.MULTILINE
)


def test_every_setting_is_listed_with_its_meaning() -> None:
    documented_meanings = {name: text for name, _, text in SETTING_PATTERN.findall(SETTINGS_PAGE)}
    actual_meanings = {
        f"{ENVIRONMENT_PREFIX}{name.upper()}": field.metadata["doc"]
        for name, field in Settings.__dataclass_fields__.items()
    }
    assert documented_meanings.keys() == actual_meanings.keys()
    for name, meaning in actual_meanings.items():
        assert documented_meanings[name].replace("`", "").startswith(meaning), name


def test_the_listed_defaults_are_those_of_the_settings() -> None:
    documented_lines = [
        f"{name}={default.strip(' `')}"
        for name, default, _ in SETTING_PATTERN.findall(SETTINGS_PAGE)
    ]
    assert sorted(documented_lines) == sorted(load_settings({}).format_lines())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_listed_with_its_flags(command: str) -> None:
    assert f"| `gateway {command}" in COMMANDS_PAGE
    for name in FLAGS[command]:
        assert f"`--{name.replace('_', '-')}`" in COMMANDS_PAGE


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_code_is_listed(code: ErrorCode) -> None:
    assert f"| `{code}` |" in ERRORS_PAGE


def test_every_link_leads_somewhere() -> None:
    for link in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (PROJECT_ROOT / link).exists(), link


async def test_the_first_query_returns_the_documented_data(demo: Marketplace) -> None:
    ((body, documented_result),) = CURL_PATTERN.findall(README)
    actual_result = await demo.execute_query(json.loads(body)["query"], "member")
    assert actual_result == json.loads(documented_result)


async def test_the_users_of_the_demo_see_the_documented_numbers(demo: Marketplace) -> None:
    rows = USERS_PATTERN.findall(README)
    assert rows
    for usernames, counts in rows:
        actual_counts = [
            (await demo.fetch_data("{ resources { totalCount } }", name))["resources"]["totalCount"]
            for name in re.findall(r"\w+", usernames)
        ]
        assert set(actual_counts) == {*map(int, counts.split(", "))}, usernames


async def test_documented_queries_return_data(demo: Marketplace) -> None:
    documents = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)
    assert documents
    for document in documents:
        if document.startswith("subscription"):
            assert isinstance(
                admit_subscription(demo.executor, GraphQLRequest(document)), PreparedSubscription
            )
            continue
        assert all((await demo.fetch_data(document)).values())

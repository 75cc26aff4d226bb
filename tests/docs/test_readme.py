"""README.md: settings, commands, links and queries are current."""

import re

import pytest

from gateway.cli.main import COMMANDS
from gateway.config.settings import ENVIRONMENT_PREFIX, Settings
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.subscription import PreparedSubscription
from tests.support.marketplaces import Marketplace
from tests.support.project_paths import PROJECT_ROOT

README = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_listed_with_its_meaning() -> None:
    documented_settings = dict(re.findall(r"\| `(GATEWAY_\w+)` \|[^|]*\| ([^|]*) \|", README))
    actual_settings = {
        f"{ENVIRONMENT_PREFIX}{name.upper()}": field.metadata["doc"]
        for name, field in Settings.__dataclass_fields__.items()
    }
    assert documented_settings.keys() == actual_settings.keys()
    for name, meaning in actual_settings.items():
        assert documented_settings[name].replace("`", "").startswith(meaning), name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_listed(command: str) -> None:
    assert f"| `gateway {command}" in README


def test_every_link_leads_somewhere() -> None:
    for link in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (PROJECT_ROOT / link).exists(), link


async def test_documented_queries_return_data(demo: Marketplace) -> None:
    documents = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)
    assert documents
    for document in documents:
        if document.startswith("subscription"):
            assert isinstance(
                demo.executor.prepare_subscription(GraphQLRequest(document)), PreparedSubscription
            )
            continue
        assert all((await demo.fetch_data(document)).values())

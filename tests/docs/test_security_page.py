"""docs/security.md lists every limit that is a setting, with its default."""

import re
from dataclasses import fields

import pytest

from gateway.config.connection_settings import ConnectionSettings
from gateway.config.rate_settings import RateSettings
from gateway.config.request_settings import RequestSettings
from tests.support.project_paths import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "security.md").read_text(encoding="utf-8")
LIMITS = {
    f"GATEWAY_{setting.name.upper()}": setting.default
    for group in (ConnectionSettings, RateSettings, RequestSettings)
    for setting in fields(group)
    if type(setting.default) in (int, type(None)) and setting.name != "document_manifest"
}


@pytest.mark.parametrize("variable", LIMITS)
def test_each_limit_is_listed(variable: str) -> None:
    rows = [line for line in PAGE.splitlines() if f"`{variable}`" in line]
    assert rows, variable
    default = LIMITS[variable]
    numbers = {int(each.replace(",", "")) for each in re.findall(r"\d[\d,]*", " ".join(rows))}
    scales = (1, 1000, 1024, 1_000_000)
    assert default is None or any(default in {scale * n for n in numbers} for scale in scales)

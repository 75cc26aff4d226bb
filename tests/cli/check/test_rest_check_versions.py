"""`gateway check` finds the routes that a version of Waldur lacks, by its description."""

from contextlib import closing

import pytest

from gateway.cli.check.report import Severity
from gateway.cli.check.rest_check import RestCheck
from gateway.config.settings import load_settings
from tests.support.gateway_server import build_environment
from tests.support.waldur_stand_in.stand_in import run_waldur_stand_in


@pytest.mark.parametrize(
    ("version", "missing_actions"),
    [
        ("8.0.5", {"set_end_date", "set_effective_id", "retry", "set_endpoints", "adjust_dates"}),
        ("8.0.9", set()),
    ],
)
def test_routes_that_came_later_are_missing(
    demo_url: str, version: str, missing_actions: set[str]
) -> None:
    with run_waldur_stand_in(demo_url, version) as stand_in:
        settings = load_settings(build_environment(waldur_url=stand_in.url))
        with closing(RestCheck(settings)) as rest_check:
            (finding,) = rest_check.check_routes()
    assert finding.severity is (Severity.NOTE if missing_actions else Severity.OK)
    assert {each.split(" ")[0].split("/")[1] for each in finding.details} == missing_actions

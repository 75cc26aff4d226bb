"""Catalogue visibility by the marketplace's settings and by offerings' own restrictions."""

import json

import psycopg
import pytest

from tests.support.visibility.altered_marketplace import (
    AlteredMarketplace,
    CatalogueViews,
    load_catalogue_views,
)
from tests.support.visibility.oracle_expectation import YEARS, OracleExpectation

VIEWERS = (None, "nobody", "member", "provider", "resource_user")


def update_setting(key: str, stored: str) -> str:
    """Return the statement that stores a setting."""
    return f"update constance_config set value = '{stored}' where key = '{key}'"


def set_offering_mode(name: str) -> str:
    """Return the statement that sets RESTRICTED_OFFERING_VISIBILITY_MODE."""
    return update_setting("RESTRICTED_OFFERING_VISIBILITY_MODE", json.dumps(name))


def restrict_to_roles(offering: str, roles: str) -> str:
    """Return the statement that restricts an offering to a JSON list of roles."""
    return f"""
        update marketplace_offering
        set plugin_options = plugin_options || '{{"restricted_to_roles": {roles}}}'
        where name = '{offering}'
    """


DELETE_SETTINGS = "delete from constance_config"
HIDE_OFFERINGS = update_setting("ANONYMOUS_USER_CAN_VIEW_OFFERINGS", "false")
HIDE_OFFERINGS_PICKLED = update_setting("ANONYMOUS_USER_CAN_VIEW_OFFERINGS", "gAKJLg==")
"""False, as a Waldur installation of 2024 stores it."""
HIDE_PLANS = update_setting("ANONYMOUS_USER_CAN_VIEW_PLANS", "false")
ARCHIVE_PLANS = """
    update marketplace_plan set archived = true where offering_id in (
        select id from marketplace_offering where name in ('Tape vault', 'Boreas Cloud')
    )
"""
SHARE_CHILD_OFFERING = """
    update marketplace_offering set shared = true where name = 'Boreas machines of Vesterlund'
"""
RESTRICT_OFFERINGS = (
    restrict_to_roles("Tape vault", '["PROJECT.MANAGER", "RESOURCE.USER"]'),
    restrict_to_roles("Managed databases", '["PROJECT.MEMBER"]'),
    restrict_to_roles("Aurora Supercomputer", '["CUSTOMER.OWNER"]'),
    restrict_to_roles("Boreas Cloud", "[]"),
    restrict_to_roles("Fjord Cloud East", "null"),
    restrict_to_roles("Beamline time", '["No such role"]'),
)

DEFAULT_CHANGES = {
    "none": [DELETE_SETTINGS],
    "show_all": [set_offering_mode("show_all")],
    "show_restricted_disabled": [set_offering_mode("show_restricted_disabled")],
}
"""Settings that change no viewer's catalogue."""
EFFECTIVE_CHANGES = {
    "no offerings for the anonymous": [HIDE_OFFERINGS],
    "no offerings for the anonymous, in 2024": [HIDE_OFFERINGS_PICKLED],
    "no plans for the anonymous": [HIDE_PLANS],
    "neither for the anonymous": [HIDE_OFFERINGS, HIDE_PLANS],
    "hide_inaccessible": [
        set_offering_mode("hide_inaccessible"),
        ARCHIVE_PLANS,
        SHARE_CHILD_OFFERING,
    ],
    "hide_inaccessible, and no plans": [set_offering_mode("hide_inaccessible"), HIDE_PLANS],
    "require_membership": [set_offering_mode("require_membership")],
    "require_membership, and no offerings": [
        set_offering_mode("require_membership"),
        HIDE_OFFERINGS,
    ],
}
"""Settings that change the catalogue of at least one viewer."""


@pytest.fixture(scope="session")
def default_views(small_url: str) -> CatalogueViews:
    """Return the viewers' catalogues of the unchanged small marketplace."""
    with psycopg.connect(small_url) as connection:
        return load_catalogue_views(
            [OracleExpectation(connection, year) for year in YEARS], VIEWERS
        )


@pytest.mark.parametrize("changes", DEFAULT_CHANGES.values(), ids=DEFAULT_CHANGES)
async def test_default_settings_hide_nothing(
    altered_marketplace: AlteredMarketplace, default_views: CatalogueViews, changes: list[str]
) -> None:
    altered_marketplace.apply_changes(*changes)
    assert altered_marketplace.load_catalogue_views(VIEWERS) == default_views
    for year in YEARS:
        await altered_marketplace.assert_catalogue_matches(year, VIEWERS)


@pytest.mark.parametrize("changes", EFFECTIVE_CHANGES.values(), ids=EFFECTIVE_CHANGES)
async def test_other_settings_change_the_catalogue(
    altered_marketplace: AlteredMarketplace, default_views: CatalogueViews, changes: list[str]
) -> None:
    altered_marketplace.apply_changes(*changes)
    assert altered_marketplace.load_catalogue_views(VIEWERS) != default_views
    for year in YEARS:
        await altered_marketplace.assert_catalogue_matches(year, VIEWERS)


async def test_offerings_are_restricted_to_roles_since_2026(
    altered_marketplace: AlteredMarketplace, default_views: CatalogueViews
) -> None:
    altered_marketplace.apply_changes(*RESTRICT_OFFERINGS)
    views = altered_marketplace.load_catalogue_views(VIEWERS)
    assert {
        year
        for year, username in default_views
        if views[year, username] != default_views[year, username]
    } == {2026}
    for year in YEARS:
        await altered_marketplace.assert_catalogue_matches(year, VIEWERS)

"""What the catalogue shows is decided by the marketplace's settings, and by single offerings'."""

import json

import psycopg
import pytest

from tests.support.visibility.altered_marketplace import Altered, Sights, sights
from tests.support.visibility.oracle_truth import YEARS, Truth

VIEWERS = (None, "nobody", "member", "provider", "resource_user")


def setting(key: str, stored: str) -> str:
    """Store a setting."""
    return f"update constance_config set value = '{stored}' where key = '{key}'"


def mode(name: str) -> str:
    """Set what becomes of offerings that people could not order."""
    return setting("RESTRICTED_OFFERING_VISIBILITY_MODE", json.dumps(name))


def restricted(offering: str, roles: str) -> str:
    """State which roles an offering is for."""
    return f"""
        update marketplace_offering
        set plugin_options = plugin_options || '{{"restricted_to_roles": {roles}}}'
        where name = '{offering}'
    """


NO_SETTINGS = "delete from constance_config"
NO_OFFERINGS = setting("ANONYMOUS_USER_CAN_VIEW_OFFERINGS", "false")
NO_OFFERINGS_PICKLED = setting("ANONYMOUS_USER_CAN_VIEW_OFFERINGS", "gAKJLg==")
"""False, as a Waldur of 2024 stores it."""
NO_PLANS = setting("ANONYMOUS_USER_CAN_VIEW_PLANS", "false")
ARCHIVED = """
    update marketplace_plan set archived = true where offering_id in (
        select id from marketplace_offering where name in ('Tape vault', 'Boreas Cloud')
    )
"""
SHARED_CHILD = """
    update marketplace_offering set shared = true where name = 'Boreas machines of Vesterlund'
"""
FOR_ROLES = (
    restricted("Tape vault", '["PROJECT.MANAGER", "RESOURCE.USER"]'),
    restricted("Managed databases", '["PROJECT.MEMBER"]'),
    restricted("Aurora Supercomputer", '["CUSTOMER.OWNER"]'),
    restricted("Boreas Cloud", "[]"),
    restricted("Fjord Cloud East", "null"),
    restricted("Beamline time", '["No such role"]'),
)

USUAL = {
    "none": [NO_SETTINGS],
    "show_all": [mode("show_all")],
    "show_restricted_disabled": [mode("show_restricted_disabled")],
}
"""Settings under which everybody sees what they see by default."""
OTHERS = {
    "no offerings for the anonymous": [NO_OFFERINGS],
    "no offerings for the anonymous, in 2024": [NO_OFFERINGS_PICKLED],
    "no plans for the anonymous": [NO_PLANS],
    "neither for the anonymous": [NO_OFFERINGS, NO_PLANS],
    "hide_inaccessible": [mode("hide_inaccessible"), ARCHIVED, SHARED_CHILD],
    "hide_inaccessible, and no plans": [mode("hide_inaccessible"), NO_PLANS],
    "require_membership": [mode("require_membership")],
    "require_membership, and no offerings": [mode("require_membership"), NO_OFFERINGS],
}
"""Settings under which somebody sees less, or more."""


@pytest.fixture(scope="session")
def usual(small_url: str) -> Sights:
    """Give what people see of the small marketplace as it is made."""
    with psycopg.connect(small_url) as connection:
        return sights([Truth(connection, year) for year in YEARS], VIEWERS)


@pytest.mark.parametrize("changes", USUAL.values(), ids=USUAL)
async def test_the_usual_settings_conceal_nothing(
    altered: Altered, usual: Sights, changes: list[str]
) -> None:
    altered.run(*changes)
    assert altered.sights(VIEWERS) == usual
    for year in YEARS:
        await altered.agree(year, VIEWERS)


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS)
async def test_other_settings_change_what_the_catalogue_shows(
    altered: Altered, usual: Sights, changes: list[str]
) -> None:
    altered.run(*changes)
    assert altered.sights(VIEWERS) != usual
    for year in YEARS:
        await altered.agree(year, VIEWERS)


async def test_offerings_are_for_some_roles_only_since_2026(
    altered: Altered, usual: Sights
) -> None:
    altered.run(*FOR_ROLES)
    now = altered.sights(VIEWERS)
    assert {year for year, who in usual if now[year, who] != usual[year, who]} == {2026}
    for year in YEARS:
        await altered.agree(year, VIEWERS)

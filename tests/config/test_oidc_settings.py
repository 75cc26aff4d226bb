"""Settings of OpenID Connect: complete or refused, and the secret is never printed."""

import pytest

from gateway.config.settings import InvalidSettingError, load_settings

OIDC_VARIABLES = {
    "GATEWAY_OIDC": "own",
    "GATEWAY_OIDC_INTROSPECTION_URL": "https://login.example.org/introspect",
    "GATEWAY_OIDC_CLIENT_ID": "gateway",
    "GATEWAY_OIDC_CLIENT_SECRET": "hidden?secret@x",
}


def test_the_secret_is_masked() -> None:
    settings = load_settings(OIDC_VARIABLES)
    assert settings.oidc_client_secret == "hidden?secret@x"
    lines = settings.format_lines()
    assert "GATEWAY_OIDC_CLIENT_SECRET=***" in lines
    assert "hidden" not in "".join(lines)
    assert "GATEWAY_OIDC_CLIENT_SECRET=" in load_settings({}).format_lines()


@pytest.mark.parametrize("name", sorted({*OIDC_VARIABLES} - {"GATEWAY_OIDC"}))
def test_own_settings_must_be_complete(name: str) -> None:
    variables = {each: value for each, value in OIDC_VARIABLES.items() if each != name}
    with pytest.raises(InvalidSettingError, match=f"^GATEWAY_OIDC=own needs {name}, too.$"):
        load_settings(variables)
    assert load_settings({**variables, "GATEWAY_OIDC": "waldur"}).oidc == "waldur"


@pytest.mark.parametrize("name", ["Bad Name", "x:y", "é", "x" * 200, "-a"])
def test_names_of_headers(name: str) -> None:
    with pytest.raises(InvalidSettingError, match="the name of a header"):
        load_settings({"GATEWAY_IMPERSONATION_HEADER": name})

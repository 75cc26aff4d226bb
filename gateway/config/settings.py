"""Settings of the gateway, loaded once from the environment and the command line."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import unquote

from gateway.config.connection_settings import ConnectionSettings
from gateway.config.database_settings import DatabaseSettings
from gateway.config.event_settings import EventSettings
from gateway.config.marketplace_settings import MarketplaceSettings
from gateway.config.oidc_settings import OIDCSettings
from gateway.config.rate_settings import RateSettings
from gateway.config.request_settings import RequestSettings
from gateway.config.server_settings import ServerSettings

ENVIRONMENT_PREFIX = "GATEWAY_"
SECRET_URL_PARAMETERS = (
    "password",
    "sslpassword",
    "oauth_client_secret",
    "scram_client_key",
    "scram_server_key",
)
"""Parameters of a database URL that hold secrets."""
SECRET_SETTINGS = ("database_url", "rate_storage", "oidc_client_secret")
"""Settings whose invalid values are not repeated."""
WHOLLY_SECRET_SETTINGS = ("oidc_client_secret",)
"""Settings whose values are never printed, not even in parts."""
_URL_PASSWORD_PATTERN = re.compile(r"(?<=://)([^:@/]*):[^/]*@")


class InvalidSettingError(Exception):
    """A setting has an invalid value or does not exist; the message names the valid ones."""


@dataclass(frozen=True)
class Settings(
    ServerSettings,
    ConnectionSettings,
    DatabaseSettings,
    MarketplaceSettings,
    OIDCSettings,
    EventSettings,
    RequestSettings,
    RateSettings,
):
    """Settings; each is the variable `GATEWAY_<NAME>`, some are also flags of commands.

    docs/settings.md has a table for each group.
    """

    @property
    def rules_year(self) -> int | None:
        """The year of the version rules; None if they are detected."""
        return None if self.rules == "auto" else int(self.rules)

    @property
    def serves_graphiql(self) -> bool:
        """Whether GraphiQL is served to browsers; it is not if its documents would be refused."""
        is_on = self.graphiql == "on" or (self.graphiql == "auto" and self.is_development)
        return is_on and self.documents != "only"

    @property
    def media_base_url(self) -> str | None:
        """The URL that the paths of images are appended to; None if it is not configured."""
        if self.media_url is not None:
            return f"{self.media_url}/"
        return f"{self.waldur_url}/media/" if self.waldur_url else None

    def format_lines(self, *, is_complete: bool = True) -> list[str]:
        """Return the effective settings as `GATEWAY_NAME=value`, secrets masked.

        Without `is_complete` those that have their defaults are left out.
        """
        return [
            f"{_format_variable(setting.name)}={self._format_setting(setting.name)}"
            for setting in fields(self)
            if is_complete or getattr(self, setting.name) != setting.default
        ]

    def _format_setting(self, name: str) -> str:
        value = getattr(self, name)
        return "***" if name in WHOLLY_SECRET_SETTINGS and value else _format_value(value)


def load_settings(environment: Mapping[str, str] | None = None, **flags: str | None) -> Settings:
    """Return the settings of the environment; `flags` that are not None take precedence.

    Raises InvalidSettingError if a value is invalid or a variable `GATEWAY_…` unknown.
    """
    variables = os.environ if environment is None else environment
    setting_fields = {_format_variable(setting.name): setting for setting in fields(Settings)}
    for name in variables:
        if name.startswith(ENVIRONMENT_PREFIX) and name not in setting_fields:
            raise InvalidSettingError(f"There is no setting {name}.")
    values: dict[str, Any] = {}
    for name, setting in setting_fields.items():
        flag = flags.get(setting.name)
        value = (flag if flag is not None else variables.get(name, "")).strip()
        if value:
            setting_source = name if flag is None else f"--{setting.name.replace('_', '-')}"
            values[setting.name] = _parse_setting(setting, setting_source, value)
    settings = Settings(**values)
    _check_oidc(settings)
    return settings


def _check_oidc(settings: Settings) -> None:
    """Raise InvalidSettingError if GATEWAY_OIDC=own lacks a setting of the provider."""
    for name in ("oidc_introspection_url", "oidc_client_id", "oidc_client_secret"):
        if settings.oidc == "own" and getattr(settings, name) is None:
            raise InvalidSettingError(f"GATEWAY_OIDC=own needs {_format_variable(name)}, too.")


def _parse_setting(setting: Any, setting_source: str, value: str) -> Any:
    try:
        return setting.metadata["parse"](value)
    except ValueError as error:
        # Invalid URLs of these may hold a password anywhere, others in some places.
        is_secret = setting.name in SECRET_SETTINGS or "@" in value or "?" in value
        value_text = "" if is_secret else f", got {value!r}"
        raise InvalidSettingError(f"{setting_source} must be {error}{value_text}.") from None


def _format_variable(name: str) -> str:
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


def _format_value(value: Any) -> str:
    if isinstance(value, (tuple, frozenset)):
        return ",".join(sorted(map(str, value)))
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else mask_passwords(str(value))


def mask_passwords(url: str) -> str:
    """Return a URL with its passwords replaced by `***`.

    Names of parameters may be escaped or surrounded by blanks: libpq decodes and strips them.
    """
    address, separator, query = url.partition("?")
    masked_pairs = (
        f"{name}{equals}{'***' if unquote(name).strip() in SECRET_URL_PARAMETERS else value}"
        for name, equals, value in (each.partition("=") for each in query.split("&"))
    )
    return _URL_PASSWORD_PATTERN.sub(r"\1:***@", address) + separator + "&".join(masked_pairs)

"""Settings of OpenID Connect: by whom access tokens of users are checked."""

from dataclasses import dataclass

from gateway.config.parsers import make_choice_parser, make_integer_parser, parse_web_url
from gateway.config.setting import define_setting


@dataclass(frozen=True)
class OIDCSettings:
    """Settings of OpenID Connect: by whom access tokens of users are checked."""

    oidc: str = define_setting(
        make_choice_parser("off", "own", "waldur"),
        "whether access tokens of an OpenID provider are accepted, and whose settings apply",
        default="off",
    )
    oidc_introspection_url: str | None = define_setting(
        parse_web_url, "the provider's introspection endpoint (RFC 7662)"
    )
    oidc_client_id: str | None = define_setting(
        str, "the id by which the gateway asks the provider"
    )
    oidc_client_secret: str | None = define_setting(
        str, "the secret by which the gateway asks the provider"
    )
    oidc_user_field: str = define_setting(
        str,
        "the member of the provider's answer that has Waldur's username",
        default="username",
    )
    oidc_cache_seconds: int = define_setting(
        make_integer_parser(0, 300),
        "the time for which an answer of the provider is valid at most, in seconds",
        default=300,
    )

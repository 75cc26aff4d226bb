"""Settings of the marketplace: rules, authentication, changes."""

from dataclasses import dataclass

from gateway.config.parsers import (
    make_choice_parser,
    make_integer_parser,
    make_optional_parser,
    parse_header_name,
    parse_switch,
    parse_web_url,
)
from gateway.config.setting import define_setting


@dataclass(frozen=True)
class MarketplaceSettings:
    """Settings of the marketplace: rules, authentication, changes."""

    rules: str = define_setting(
        make_choice_parser("auto", "2024", "2026"),
        "the Waldur version whose visibility rules apply",
        default="auto",
    )
    waldur_url: str | None = define_setting(parse_web_url, "the URL of Waldur's REST API")
    media_url: str | None = define_setting(
        parse_web_url, "the base URL of images; by default /media/ of the REST API"
    )
    keep_tokens: bool = define_setting(
        parse_switch, "whether using a token extends its lifetime, as in REST", default=True
    )
    viewer_seconds: int = define_setting(
        make_integer_parser(0, 300), "the time a viewer's roles are cached, in seconds", default=5
    )
    impersonation: bool = define_setting(
        parse_switch, "whether staff may send requests as another user", default=True
    )
    impersonation_header: str = define_setting(
        parse_header_name,
        "the header that names the user whom staff impersonate, as it is configured in Waldur",
        default="X-Impersonated-User-Uuid",
    )
    changes: str = define_setting(
        make_choice_parser("auto", "local", "waldur", "off"),
        "how mutations are carried out: by the gateway itself, by Waldur's REST API, or not at all",
        default="auto",
    )
    provider_seconds: int | None = define_setting(
        make_optional_parser(make_integer_parser(0, 3600)),
        "the time the demo provider takes for an order or a pull, in seconds; off disables it",
        default=3,
    )

"""Settings of the marketplace: rules, authentication, changes."""

from dataclasses import dataclass
from pathlib import Path

from gateway.config.parsers import (
    make_choice_parser,
    make_integer_parser,
    make_optional_parser,
    parse_certificate_file,
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
    waldur_ca_file: Path | None = define_setting(  # noqa: RUF009 - a path is immutable
        parse_certificate_file,
        "the path of a PEM file with the CA certificates that are trusted in connections to "
        "Waldur's REST API",
    )
    waldur_connect_seconds: int = define_setting(
        make_integer_parser(1, 60),
        "the time-out of connecting to Waldur's REST API, in seconds",
        default=3,
    )
    waldur_answer_seconds: int = define_setting(
        make_integer_parser(1, 600),
        "the time-out of an answer of Waldur's REST API, in seconds",
        default=30,
    )
    waldur_connections: int = define_setting(
        make_integer_parser(1, 1000),
        "the maximum number of connections to Waldur's REST API, per process",
        default=20,
    )
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

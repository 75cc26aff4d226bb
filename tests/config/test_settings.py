"""Test settings: sources, parsing, error messages, masking of secrets."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.config.settings import InvalidSettingError, Settings, load_settings, mask_passwords

DATABASE_URL = "postgresql://waldur:secret@db.example.org:5433/waldur?sslmode=require"


def test_defaults() -> None:
    assert load_settings({}) == Settings()
    assert load_settings({}).data == Path(".gateway")
    assert load_settings({}).keep_tokens is True


def test_reads_the_environment() -> None:
    settings = load_settings(
        {
            "GATEWAY_HOST": "::1",
            "GATEWAY_PORT": "0",
            "GATEWAY_DATABASE_URL": DATABASE_URL,
            "GATEWAY_DATA": "a folder/data",
            "GATEWAY_RULES": "2024",
            "GATEWAY_KEEP_TOKENS": "Off",
            "GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8,192.0.2.1",
            "HOME": "/",
        }
    )
    assert (settings.host, settings.port, settings.database_url) == (
        "::1",
        0,
        DATABASE_URL,
    )
    assert (settings.data, settings.rules, settings.keep_tokens) == (
        Path("a folder/data"),
        "2024",
        False,
    )
    networks = ("10.0.0.0/8", "fd00::/8", "192.0.2.1/32")
    assert settings.trusted_proxies == tuple(map(ip_network, networks))


def test_flag_takes_precedence() -> None:
    assert load_settings({"GATEWAY_PORT": "81"}, port="82").port == 82
    assert load_settings({"GATEWAY_PORT": "nonsense"}, port="82").port == 82


def test_missing_flag_changes_nothing() -> None:
    assert load_settings({"GATEWAY_PORT": "81"}, port=None).port == 81


@pytest.mark.parametrize("empty", ["", " "])
def test_empty_value_is_unset(empty: str) -> None:
    assert load_settings({"GATEWAY_PORT": empty, "GATEWAY_DATABASE_URL": empty}) == Settings()


def test_home_directory_is_expanded() -> None:
    assert load_settings({"GATEWAY_DATA": "~/data"}).data == Path.home() / "data"


@pytest.mark.parametrize(
    ("name", "value", "expected_text"),
    [
        ("PORT", "abc", "an integer between 0 and 65535"),
        ("PORT", "-1", "an integer between 0 and 65535"),
        ("PORT", "65536", "an integer between 0 and 65535"),
        ("PORT", "1.5", "an integer"),
        ("PORT", "٨", "an integer"),
        ("PORT", "²", "an integer"),
        ("WORKERS", "0", "an integer between 1 and 64"),
        ("STATEMENT_SECONDS", "0", "an integer between 1 and"),
        ("KEEP_TOKENS", "maybe", "on or off"),
        ("RULES", "2025", "one of auto, 2024, 2026"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "networks like 10.0.0.0/8"),
        ("TRUSTED_PROXIES", "proxy.example.org", "networks like 10.0.0.0/8"),
        ("DATA", "~no.such.user/x", "needs an existing user"),
        ("WALDUR_URL", "waldur.example.org", "a URL like https://"),
        ("WALDUR_URL", "ftp://waldur.example.org", "a URL like https://"),
        ("WALDUR_URL", "https://waldur example.org", "a URL like https://"),
        ("WALDUR_URL", "https://waldur.example.org:port", "a URL like https://"),
        ("WALDUR_URL", "https://waldur.example.org:99999", "a URL like https://"),
        ("WALDUR_URL", "https://[waldur", "a URL like https://"),
        ("MEDIA_URL", "/media/", "a URL like https://"),
    ],
)
def test_invalid_value_is_named(name: str, value: str, expected_text: str) -> None:
    with pytest.raises(InvalidSettingError) as raised:
        load_settings({f"GATEWAY_{name}": value})
    message = str(raised.value)
    assert message.startswith(f"GATEWAY_{name} must be ")
    assert message.endswith(f", got {value!r}.")
    assert expected_text in message


def test_invalid_flag_is_named() -> None:
    with pytest.raises(InvalidSettingError, match=r"^--body-bytes must be .*, got '1'\.$"):
        load_settings({}, body_bytes="1")


@pytest.mark.parametrize(
    "url",
    [
        "waldur",
        "mysql://waldur:secret@db/waldur",
        "host=db password=secret",
        "postgresql://waldur:secret@%zz/waldur",
        "postgresql://waldur:se%cret@db/waldur",
        "postgresql://waldur:se@cret@db/waldur",
        "postgresql://waldur:se/cret@db/waldur",
        "postgresql://waldur:se?cret@db/waldur",
        "postgresql://127.0.0.1:secret/waldur",
        "postgresql://db/waldur?password=secret&nonsense=1",
    ],
)
def test_invalid_database_url_is_not_repeated(url: str) -> None:
    with pytest.raises(InvalidSettingError, match="GATEWAY_DATABASE_URL must be a URL") as raised:
        load_settings({"GATEWAY_DATABASE_URL": url})
    assert "secret" not in str(raised.value)
    assert "cret@" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://admin:secret@waldur.example.org",
        "https://admin:a/secret@waldur.example.org",
        "https://secret@waldur.example.org",
        "https://waldur.example.org/?token=secret",
    ],
)
def test_password_in_waldur_url_is_not_repeated(url: str) -> None:
    with pytest.raises(InvalidSettingError, match="WALDUR_URL") as raised:
        load_settings({"GATEWAY_WALDUR_URL": url})
    assert "secret" not in str(raised.value)


def test_mistyped_database_url_is_not_repeated() -> None:
    with pytest.raises(InvalidSettingError, match="GATEWAY_PORT") as raised:
        load_settings({"GATEWAY_PORT": "postgresql://waldur:secret@db/waldur"})
    assert "secret" not in str(raised.value)


def test_other_values_with_a_question_mark_stay() -> None:
    assert mask_passwords("a?b") == "a?b"


def test_unknown_setting_is_rejected() -> None:
    with pytest.raises(InvalidSettingError, match="no setting GATEWAY_PROT"):
        load_settings({"GATEWAY_PROT": "80"})


@pytest.mark.parametrize(
    ("url", "masked_url"),
    [
        (DATABASE_URL, "postgresql://waldur:***@db.example.org:5433/waldur?sslmode=require"),
        ("postgresql://waldur@db/waldur", "postgresql://waldur@db/waldur"),
        ("postgresql://db/waldur", "postgresql://db/waldur"),
        ("postgres://a:b@c:1,d:2/e", "postgres://a:***@c:1,d:2/e"),
        ("postgresql://a:b:c#d@[::1]:5/e", "postgresql://a:***@[::1]:5/e"),
        (
            "postgresql:///a?host=/run&password=b%26c&user=d",
            "postgresql:///a?host=/run&password=***&user=d",
        ),
        (
            "postgresql://a?pass%77ord=b&sslpassword=c",
            "postgresql://a?pass%77ord=***&sslpassword=***",
        ),
        ("postgresql://a/b? password=c", "postgresql://a/b? password=***"),
        ("postgresql://a/b?password =c", "postgresql://a/b?password =***"),
    ],
)
def test_passwords_are_masked(url: str, masked_url: str) -> None:
    assert mask_passwords(url) == masked_url
    lines = load_settings({"GATEWAY_DATABASE_URL": url}).format_lines()
    assert f"GATEWAY_DATABASE_URL={masked_url}" in lines


def test_formatted_settings_can_be_parsed() -> None:
    environment = {
        "GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8",
        "GATEWAY_KEEP_TOKENS": "off",
        "GATEWAY_WALDUR_URL": "https://waldur.example.org/",
        "GATEWAY_VIEWER_SECONDS": "0",
    }
    settings = load_settings(environment)
    assert load_settings(dict(line.split("=", 1) for line in settings.format_lines())) == settings


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, None),
        (
            {"GATEWAY_WALDUR_URL": "https://waldur.example.org/"},
            "https://waldur.example.org/media/",
        ),
        ({"GATEWAY_MEDIA_URL": "https://cdn.example.org/a/"}, "https://cdn.example.org/a/"),
    ],
)
def test_media_base_url(environment: dict[str, str], url: str | None) -> None:
    assert load_settings(environment).media_base_url == url


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        (
            "https://Portal.example.org:443/, http://localhost:3000,,https://bücher.example",
            {
                "https://portal.example.org",
                "http://localhost:3000",
                "https://xn--bcher-kva.example",
            },
        ),
        ("*", {"*"}),
        ("http://[0::1]:80", {"http://[::1]"}),
    ],
)
def test_origins_are_normalized(value: str, origins: set[str]) -> None:
    settings = load_settings({"GATEWAY_ORIGINS": value})
    assert settings.origins == origins
    assert load_settings({"GATEWAY_ORIGINS": ",".join(settings.origins)}) == settings


@pytest.mark.parametrize(
    "value",
    [
        "null",
        "portal.example.org",
        "https://portal.example.org/path",
        "https://portal.example.org//",
        "https://*.example.org",
        "*,https://portal.example.org",
        "https://\u2024.example",
        "https://portal.example.org https://other.example.org",
    ],
)
def test_invalid_origins_are_rejected(value: str) -> None:
    with pytest.raises(
        InvalidSettingError, match=r"GATEWAY_ORIGINS must be origins like .*, or \*"
    ):
        load_settings({"GATEWAY_ORIGINS": value})


@pytest.mark.parametrize(
    ("value", "root_path"),
    [
        ("/", ""),
        ("/api", "/api"),
        ("/api/gateway/", "/api/gateway"),
        ("/a.b/c-d_e~1", "/a.b/c-d_e~1"),
    ],
)
def test_root_path_has_no_trailing_slash(value: str, root_path: str) -> None:
    assert load_settings({"GATEWAY_ROOT_PATH": value}).root_path == root_path


@pytest.mark.parametrize(
    "value",
    ["api", "//api", "/api//gateway", "/api/../b", "/..", "/.", "/a b", "/a%20b", "/api?b", "/ü"],
)
def test_invalid_root_path_is_rejected(value: str) -> None:
    with pytest.raises(InvalidSettingError, match="GATEWAY_ROOT_PATH must be a path like /api"):
        load_settings({"GATEWAY_ROOT_PATH": value})


@pytest.mark.parametrize("value", ["/graphql", "/attachments/", "/metrics/a"])
def test_root_path_is_not_one_of_the_own_paths(value: str) -> None:
    with pytest.raises(InvalidSettingError, match="first segment is not graphql"):
        load_settings({"GATEWAY_ROOT_PATH": value})


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file or directory"), ("", "no certificate"), ("text", "no certificate")],
)
def test_certificate_file_must_be_readable(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidSettingError, match=f"GATEWAY_WALDUR_CA_FILE must be .*{reason}"):
        load_settings({"GATEWAY_WALDUR_CA_FILE": str(path)})

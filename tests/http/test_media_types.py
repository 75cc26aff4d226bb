"""Media types: parser of `Content-Type` and of elements of `Accept`."""

import pytest

from gateway.http.media_types import MediaType, parse_media_type, split_list


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("application/json", "application/json", {}),
        (" Application/JSON ", "application/json", {}),
        ("application/json; charset=UTF-8", "application/json", {"charset": "UTF-8"}),
        ("application/json ;Charset=utf-8", "application/json", {"charset": "utf-8"}),
        ('application/json;charset="utf-8"', "application/json", {"charset": "utf-8"}),
        ("application/json;", "application/json", {}),
        ("application/json; ; a=1 ;", "application/json", {"a": "1"}),
        (r'a/b;c="d;e=\"f\", g"', "a/b", {"c": 'd;e="f", g'}),
        ("*/*;q=0.1", "*/*", {"q": "0.1"}),
        ("text/*", "text/*", {}),
    ],
)
def test_well_formed_media_types(text: str, name: str, parameters: dict[str, str]) -> None:
    assert parse_media_type(text) == MediaType(name, parameters)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "application",
        "application/",
        "/json",
        "application/json/x",
        "application/json charset=utf-8",
        "application/json, application/json",
        "application/json; charset",
        "application/json; charset=",
        "application/json; charset = utf-8",
        'application/json; charset="utf-8',
        "application/json; charset=utf-8; charset=utf-16",
        "application/json; charset=utf-8; Charset=utf-8",
        "applicatíon/json",
        "application/json\x00",
    ],
)
def test_malformed_media_types(text: str) -> None:
    assert parse_media_type(text) is None


@pytest.mark.parametrize(
    ("text", "is_utf_8"),
    [
        ("a/b", True),
        ("a/b;charset=utf-8", True),
        ("a/b;charset=UTF8", True),
        ("a/b;charset=utf-16", False),
        ("a/b;charset=iso-8859-1", False),
        ('a/b;charset=""', False),
    ],
)
def test_charset(text: str, is_utf_8: bool) -> None:
    media_type = parse_media_type(text)
    assert media_type is not None
    assert media_type.is_utf_8 is is_utf_8


@pytest.mark.parametrize(
    ("header", "elements"),
    [
        ("", []),
        (" , ,", []),
        ("a/b, c/d", ["a/b", "c/d"]),
        ('a/b;c="d,e" , f/g', ['a/b;c="d,e"', "f/g"]),
        (r'a/b;c="\",", f/g', [r'a/b;c="\","', "f/g"]),
        ('a/b;c="d, e/f', ['a/b;c="d, e/f']),
    ],
)
def test_list_elements(header: str, elements: list[str]) -> None:
    assert split_list(header) == elements

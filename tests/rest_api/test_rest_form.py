"""Forms are read by Django REST framework as the JSON of the same request is."""

import httpx
import pytest

from gateway.exact_json import ExactNumber
from gateway.rest_api.rest_form import encode_form, encode_json_body
from tests.support.drf_application import read_renewal

PDF = b"%PDF-1.4\r\n--x\r\n\0%%EOF\n"
LIMIT_CASES: dict[str, dict[str, object]] = {
    "one": {"cpu": 5},
    "many": {"cpu": 5, "ram_gb": 0, "a-b": 7},
    "dots": {"a.b": 1, "a": 2},
    "long": {"cpu": 10**18},
    "exact": {"cpu": ExactNumber("5.0"), "ram": ExactNumber("12e1")},
    "umlaut": {"größe": 3},
    "quotation marks": {'a"b': 1, "a\\b": 2},
}
"""Limits by case."""


@pytest.mark.parametrize("name", LIMIT_CASES)
def test_forms_have_the_limits_of_json(name: str) -> None:
    body = {"extension_months": 12, "limits": LIMIT_CASES[name], "request_comment": 'Räume; "a"'}
    values = read_renewal(*encode_form(body, PDF))
    attachment = values.pop("attachment")
    assert values == read_renewal(*encode_json_body(body))
    assert values["limits"]
    assert attachment.read() == PDF
    assert (attachment.name, attachment.content_type) == ("purchase-order.pdf", "application/pdf")


def test_forms_without_limits_have_none() -> None:
    values = read_renewal(*encode_form({"extension_months": 12, "request_comment": None}, PDF))
    assert values.keys() == {"extension_months", "attachment"}


def test_limits_as_json_in_a_part_are_lost() -> None:
    """So a form of Waldur's generated client orders nothing."""
    request = httpx.Request(
        "POST",
        "http://waldur",
        files=[
            ("extension_months", (None, b"12", "text/plain")),
            ("limits", (None, b'{"cpu": 5}', "application/json")),
            ("attachment", ("order.pdf", PDF, "application/pdf")),
        ],
    )
    assert read_renewal(request.headers["Content-Type"], request.read())["limits"] == {}


def test_boundaries_differ() -> None:
    first, second = encode_form({}, PDF), encode_form({}, PDF)
    assert first.media_type != second.media_type

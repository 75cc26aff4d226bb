"""Parsing of the marketplace's settings in the formats of both Waldur versions."""

import json
import pickle
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from gateway.db.access.site_settings import (
    DEFAULT_SETTINGS,
    SiteSettings,
    decode_stored_setting,
    parse_site_settings,
)

OFFERINGS, PLANS, MODE, CONSENTS = DEFAULT_SETTINGS
STRICTEST_SETTINGS = SiteSettings(
    anonymous_can_view_offerings=False,
    anonymous_can_view_plans=False,
    restricted_offering_mode="hide_inaccessible",
    enforces_consent=False,
)
PLAIN_VALUES = [True, False, None, "", "show_all", "ä" * 300, 0, 7, 300, 70_000, -1]


def encode_json(value: Any) -> str:
    """Encode a setting as a Waldur installation of 2026 does."""
    return json.dumps({"__type__": "default", "__value__": value})


def encode_pickle(value: Any, protocol: int = 4) -> str:
    """Encode a setting as a Waldur installation of 2024 does."""
    return b64encode(pickle.dumps(value, protocol)).decode()


def test_defaults_hold_where_nothing_is_stored() -> None:
    assert parse_site_settings([]) == SiteSettings(
        anonymous_can_view_offerings=True,
        anonymous_can_view_plans=True,
        restricted_offering_mode="show_all",
        enforces_consent=False,
    )


def test_a_null_counts_as_not_stored() -> None:
    assert parse_site_settings([(OFFERINGS, None), (MODE, None)]) == parse_site_settings([])


@pytest.mark.parametrize("encode", [encode_json, encode_pickle, json.dumps])
def test_parses_stored_settings(encode: Any) -> None:
    values = {OFFERINGS: True, PLANS: False, MODE: "require_membership"}
    site_settings = parse_site_settings([(key, encode(value)) for key, value in values.items()])
    assert site_settings == SiteSettings(
        anonymous_can_view_offerings=True,
        anonymous_can_view_plans=False,
        restricted_offering_mode="require_membership",
        enforces_consent=False,
    )


@pytest.mark.parametrize("value", PLAIN_VALUES)
def test_json_round_trip(value: Any) -> None:
    assert decode_stored_setting(encode_json(value)) == value


@pytest.mark.parametrize("value", PLAIN_VALUES)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickle_round_trip(value: Any, protocol: int) -> None:
    assert decode_stored_setting(encode_pickle(value, protocol)) == value


class Harmful:
    """An object whose unpickling would run code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('unpickled')",)


def test_pickles_are_not_executed() -> None:
    decode_stored_setting(encode_pickle(Harmful()))
    decode_stored_setting(encode_pickle([Harmful()]))


@pytest.mark.parametrize("value", ["", "nonsense", "{", "ä", "gAJ=", "gARL", "[true]", '"x"', "1"])
def test_unreadable_settings_have_their_strictest_value(value: str) -> None:
    rows = [(OFFERINGS, value), (PLANS, value)]
    assert parse_site_settings(rows) == SiteSettings(
        anonymous_can_view_offerings=False,
        anonymous_can_view_plans=False,
        restricted_offering_mode="show_all",
        enforces_consent=False,
    )


@pytest.mark.parametrize(
    "value", ["nonsense", "1", "[]", "null", encode_json(None), encode_pickle(5)]
)
def test_an_unreadable_mode_hides_inaccessible_offerings(value: str) -> None:
    rows = [(OFFERINGS, encode_json("yes")), (PLANS, encode_json(1)), (MODE, value)]
    assert parse_site_settings(rows) == STRICTEST_SETTINGS


@settings(deadline=None)
@given(st.text() | st.binary().map(lambda each: b64encode(each).decode()))
def test_any_stored_text_can_be_decoded(value: str) -> None:
    decode_stored_setting(value)


@settings(deadline=None)
@given(st.binary())
def test_any_pickle_can_be_decoded(rest: bytes) -> None:
    decode_stored_setting(b64encode(b"\x80\x04\x95" + rest).decode())
    decode_stored_setting(b64encode(b"\x80\x02" + rest).decode())


@pytest.mark.parametrize(("value", "is_enforced"), [(True, True), (False, False), ("yes", True)])
def test_consent_is_enforced_unless_switched_off(value: Any, is_enforced: bool) -> None:
    assert parse_site_settings([(CONSENTS, encode_json(value))]).enforces_consent is is_enforced

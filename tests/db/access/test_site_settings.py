"""The marketplace's own settings are read as both versions of Waldur store them."""

import json
import pickle
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as some

from gateway.db.access.site_settings import USUAL, Policy, policy, stored

OFFERINGS, PLANS, MODE, CONSENTS = USUAL
STRICTEST = Policy(
    anonymous_offerings=False, anonymous_plans=False, mode="hide_inaccessible", consents=False
)
PLAIN = [True, False, None, "", "show_all", "ä" * 300, 0, 7, 300, 70_000, -1]


def as_json(value: Any) -> str:
    """Write a setting as a Waldur of 2026 does."""
    return json.dumps({"__type__": "default", "__value__": value})


def as_pickle(value: Any, protocol: int = 4) -> str:
    """Write a setting as a Waldur of 2024 does."""
    return b64encode(pickle.dumps(value, protocol)).decode()


def test_where_nothing_is_stored_the_usual_holds() -> None:
    assert policy([]) == Policy(
        anonymous_offerings=True, anonymous_plans=True, mode="show_all", consents=False
    )


def test_a_null_is_nothing_stored() -> None:
    assert policy([(OFFERINGS, None), (MODE, None)]) == policy([])


@pytest.mark.parametrize("write", [as_json, as_pickle, json.dumps])
def test_reads_what_is_stored(write: Any) -> None:
    given = {OFFERINGS: True, PLANS: False, MODE: "require_membership"}
    found = policy([(key, write(value)) for key, value in given.items()])
    assert found == Policy(
        anonymous_offerings=True, anonymous_plans=False, mode="require_membership", consents=False
    )


@pytest.mark.parametrize("value", PLAIN)
def test_json_gives_the_value_back(value: Any) -> None:
    assert stored(as_json(value)) == value


@pytest.mark.parametrize("value", PLAIN)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_give_plain_values_back(value: Any, protocol: int) -> None:
    assert stored(as_pickle(value, protocol)) == value


class Harmful:
    """What would do something when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('unpickled')",)


def test_no_pickle_is_run() -> None:
    stored(as_pickle(Harmful()))
    stored(as_pickle([Harmful()]))


@pytest.mark.parametrize("value", ["", "nonsense", "{", "ä", "gAJ=", "gARL", "[true]", '"x"', "1"])
def test_what_can_not_be_read_is_taken_at_its_strictest(value: str) -> None:
    rows = [(OFFERINGS, value), (PLANS, value)]
    assert policy(rows) == Policy(
        anonymous_offerings=False, anonymous_plans=False, mode="show_all", consents=False
    )


@pytest.mark.parametrize("value", ["nonsense", "1", "[]", "null", as_json(None), as_pickle(5)])
def test_an_unreadable_mode_hides(value: str) -> None:
    rows = [(OFFERINGS, as_json("yes")), (PLANS, as_json(1)), (MODE, value)]
    assert policy(rows) == STRICTEST


@settings(deadline=None)
@generated(some.text() | some.binary().map(lambda each: b64encode(each).decode()))
def test_nothing_stored_breaks_it(value: str) -> None:
    stored(value)


@settings(deadline=None)
@generated(some.binary())
def test_no_pickle_breaks_it(rest: bytes) -> None:
    stored(b64encode(b"\x80\x04\x95" + rest).decode())
    stored(b64encode(b"\x80\x02" + rest).decode())


@pytest.mark.parametrize(("value", "asked"), [(True, True), (False, False), ("yes", True)])
def test_people_are_asked_to_agree_unless_that_is_off(value: Any, asked: bool) -> None:
    assert policy([(CONSENTS, as_json(value))]).consents is asked

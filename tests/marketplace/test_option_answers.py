"""Answers by the type of their option: what Waldur accepts, and messages about the rest."""

from typing import Any

import pytest

from gateway.exact_json import ExactNumber
from gateway.marketplace.option_answers import InvalidAnswerError, parse_answer, parse_boolean

CHOICES = {"choices": ["hot", "cold", 7]}
MANY_CHOICES = {"choices": [f"choice {number}" for number in range(1000)]}
FOLDER = {"storage_data_type": "archive", "permissions": "2770"}
VALID_ANSWERS: list[tuple[dict[str, Any], Any]] = [
    ({"type": "integer"}, 7),
    ({"type": "integer"}, "7"),
    ({"type": "integer"}, " -7.00 "),
    ({"type": "integer"}, ExactNumber("7.0")),
    ({"type": "integer"}, ExactNumber("7e2")),
    ({"type": "integer", "min": 7, "max": 7}, 7),
    ({"type": "integer", "min": "8"}, 7),
    ({"type": "money", "min": 0}, "0"),
    ({"type": "component_multiplier"}, 3),
    ({"type": "boolean"}, False),
    ({"type": "boolean"}, "Yes"),
    ({"type": "boolean"}, 0),
    ({"type": "date"}, "2028-02-29"),
    ({"type": "time"}, "22:30:00"),
    ({"type": "time"}, "22:30+02:00"),
    ({"type": "select_string", **CHOICES}, "hot"),
    ({"type": "select_string", **CHOICES}, "7"),
    ({"type": "select_string", **CHOICES}, 7),
    ({"type": "select_string_multi", **CHOICES}, ["hot", "cold", 7]),
    ({"type": "select_string_multi", **CHOICES}, []),
    ({"type": "select_openstack_tenant"}, "https://example.org/1/"),
    ({"type": "select_multiple_openstack_tenants"}, ["https://example.org/1/", 7]),
    ({"type": "select_multiple_emails"}, ["me@example.org", "a.b+c@sub.example.org"]),
    ({"type": "select_multiple_emails"}, []),
    ({"type": "conditional_cascade"}, {"field": "Life"}),
    ({"type": "single_datacenter_k8s_config"}, {"topology": "1-datacenter"}),
    ({"type": "multi_datacenter_k8s_config"}, {}),
    ({"type": "storage_folder_manager"}, FOLDER),
    (
        {"type": "storage_folder_manager"},
        {**FOLDER, "hard_quota_space": 0.01, "soft_quota_inodes": "1", "hard_quota_inodes": 9},
    ),
    ({"type": "storage_folder_manager"}, {**FOLDER, "note": None}),
    ({"type": "html_text"}, "<p>"),
    ({"type": "string"}, 7),
    ({"type": "string"}, ExactNumber("7.50")),
    ({"type": "of a newer Waldur"}, "x"),
    ({}, "x"),
]
INVALID_ANSWERS: list[tuple[dict[str, Any], Any, str]] = [
    ({"type": "integer"}, "x", "must be a whole number, got a string."),
    ({"type": "integer"}, "", "whole number"),
    ({"type": "integer"}, "7.5", "whole number"),
    ({"type": "integer"}, "1e2", "whole number"),
    ({"type": "integer"}, "7" * 1001, "whole number"),
    ({"type": "integer"}, 7.5, "whole number"),
    ({"type": "integer"}, True, "whole number"),
    ({"type": "integer", "min": 8}, 7, "must be at least 8, got 7."),
    ({"type": "integer", "min": 8}, "7", "must be at least 8, got 7."),
    ({"type": "integer", "max": 6}, 7, "must be at most 6, got 7."),
    ({"type": "integer", "max": 6}, 10**20, "must be at most 6, got a number out of range."),
    ({"type": "integer", "max": 6}, "9" * 999, "must be at most 6, got a number out of range."),
    ({"type": "money", "max": 6.5}, 7, "must be at most 6.5, got 7."),
    ({"type": "money", "max": ExactNumber("6.50")}, 7, "must be at most 6.50, got 7."),
    ({"type": "integer"}, ExactNumber("7.1"), "whole number, got 7.1."),
    ({"type": "integer"}, ExactNumber("1e400"), "whole number, got a number out of range."),
    ({"type": "boolean"}, "maybe", "must be true or false, got a string."),
    ({"type": "boolean"}, 7, "must be true or false, got 7."),
    ({"type": "boolean"}, [], "must be true or false, got a list."),
    ({"type": "date"}, "2027-02-29", "2026-01-31"),
    ({"type": "date"}, 7, "2026-01-31"),
    ({"type": "time"}, "25:00", "22:30:00"),
    ({"type": "select_string", **CHOICES}, "warm", "must be one of hot, cold, 7."),
    ({"type": "select_string", **CHOICES}, ["hot"], "must be one of hot, cold, 7."),
    ({"type": "select_string", **MANY_CHOICES}, "warm", "choice 19, …."),
    ({"type": "select_string"}, "warm", "must be one of"),
    ({"type": "select_string_multi", **CHOICES}, "hot", "list"),
    ({"type": "select_string_multi", **CHOICES}, ["warm"], "hot, cold"),
    ({"type": "select_string_multi", **CHOICES}, [["hot"]], "hot, cold"),
    ({"type": "select_multiple_openstack_instances"}, "x", "must be a list of strings, got a str"),
    ({"type": "select_multiple_openstack_instances"}, [{}], "list of strings; each must be a str"),
    ({"type": "select_multiple_openstack_instances"}, [""], "list of strings; each must not be bl"),
    ({"type": "select_multiple_emails"}, ["me"], "must be a list of e-mail addresses"),
    ({"type": "select_multiple_emails"}, ["a@b@example.org"], "e-mail addresses"),
    ({"type": "select_multiple_emails"}, [f"me@{'x' * 400}.org"], "e-mail addresses"),
    ({"type": "select_multiple_emails"}, "me@example.org", "must be a list of strings"),
    ({"type": "conditional_cascade"}, [], "must be an object with a choice for each step"),
    ({"type": "multi_datacenter_k8s_config"}, "{}", "must be an object with the configuration"),
    ({"type": "storage_folder_manager"}, "archive", "must be an object with the settings"),
    ({"type": "string"}, True, "must be a string, got a boolean."),
    ({"type": "string"}, {}, "must be a string, got an object."),
    ({"type": "string"}, "", "must not be blank."),
    ({"type": "text"}, " \n", "must not be blank."),
    ({"type": "string"}, None, "must not be null"),
]
INVALID_FOLDERS: list[tuple[dict[str, Any], str, str]] = [
    ({"permissions": "2770"}, "storage_data_type", "is required."),
    ({"storage_data_type": "archive"}, "permissions", "is required."),
    ({**FOLDER, "permissions": ""}, "permissions", "must not be blank."),
    ({**FOLDER, "hard_quota_space": 0.001}, "hard_quota_space", "must be at least 0.01, got 0.001"),
    ({**FOLDER, "hard_quota_space": "nan"}, "hard_quota_space", "must be a number"),
    ({**FOLDER, "hard_quota_space": True}, "hard_quota_space", "must be a number"),
    ({**FOLDER, "soft_quota_inodes": 0}, "soft_quota_inodes", "must be at least 1, got 0."),
    ({**FOLDER, "hard_quota_inodes": None}, "hard_quota_inodes", "must be a whole number"),
]


@pytest.mark.parametrize(("question", "value"), VALID_ANSWERS)
def test_accepts_valid_answers(question: dict[str, Any], value: Any) -> None:
    assert parse_answer(value, question) is not None


@pytest.mark.parametrize(("question", "value", "expected_text"), INVALID_ANSWERS)
def test_explains_invalid_answers(question: dict[str, Any], value: Any, expected_text: str) -> None:
    with pytest.raises(InvalidAnswerError) as error_info:
        parse_answer(value, question)
    assert expected_text in error_info.value.requirement
    assert len(error_info.value.requirement) < 400
    assert error_info.value.path == ()


@pytest.mark.parametrize(("folder", "name", "expected_text"), INVALID_FOLDERS)
def test_explains_invalid_members_of_a_folder(
    folder: dict[str, Any], name: str, expected_text: str
) -> None:
    with pytest.raises(InvalidAnswerError) as error_info:
        parse_answer(folder, {"type": "storage_folder_manager"})
    assert error_info.value.path == (name,)
    assert expected_text in error_info.value.requirement


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        ("TRUE", True),
        ("on", True),
        ("no", False),
        (0, False),
        (2, None),
        (None, None),
    ],
)
def test_spellings_of_booleans(value: object, expected: bool | None) -> None:
    assert parse_boolean(value) is expected

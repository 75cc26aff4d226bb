"""Waldur's texts of refusals become invalid values with the paths of our inputs."""

from typing import Any

import pytest

from gateway.marketplace.problems import MAX_INVALID_FIELDS
from gateway.rest_api.refusal_text import MAX_TEXT_CHARS, build_refused_input, clean_text
from gateway.rest_api.rest_request import RestRequest

REQUEST = RestRequest(
    path="/",
    route="marketplace-resources/act",
    body={"end_date": "", "options": {}, "report": [], "new_name": "", "attributes": {}},
    input_paths={"new_name": ("name",), "attributes.name": ("title",)},
)


@pytest.mark.parametrize(
    ("body", "message", "fields"),
    [
        ({"end_date": ["Too early."]}, "`endDate`: Too early.", [["endDate"]]),
        ({"end_date": "Too early."}, "`endDate`: Too early.", [["endDate"]]),
        ({"new_name": ["Taken."]}, "`name`: Taken.", [["name"]]),
        ({"attributes": {"name": ["Long."]}}, "`title`: Long.", [["title"]]),
        (
            {"options": {"nodes": ["Too many."]}},
            "`options.nodes`: Too many.",
            [["options", "nodes"]],
        ),
        (
            {"report": [{}, {"body": ["Empty."]}]},
            "`report.1.body`: Empty.",
            [["report", "1", "body"]],
        ),
        ({"plan": ["Archived."]}, "plan: Archived.", []),
        ({"plan": ["Archived."], "end_date": ["Early."]}, "plan: Archived.", [["endDate"]]),
        (["Over the limit."], "Over the limit.", []),
        (["One.", "Two."], "One. Two.", []),
        ("Over the limit.", "Over the limit.", []),
        ({"detail": "Blocked."}, "Blocked.", []),
        ({"error_message": "Blocked."}, "Blocked.", []),
        ({"non_field_errors": ["Blocked."]}, "Blocked.", []),
        ({"options": {"non_field_errors": ["Odd."]}}, "`options`: Odd.", [["options"]]),
        ({"end_date": [None, "", 7]}, "`endDate`: 7", [["endDate"]]),
        ({"end_date": []}, "default", []),
        ({}, "default", []),
        (None, "default", []),
        ([[["Deep."]]], "Deep.", []),
        ({"detail": "<b>Bold</b>\n and  5 < 6"}, "Bold and 5 < 6", []),
    ],
)
def test_shapes_of_bodies(body: Any, message: str, fields: list[list[str]]) -> None:
    problem = build_refused_input(REQUEST, body, "default")
    assert (problem.message, [each.path for each in problem.fields]) == (message, fields)


def test_texts_and_their_number_are_bounded() -> None:
    problem = build_refused_input(
        REQUEST, {"options": {str(n): "x" * 10**5 for n in range(99)}}, ""
    )
    assert len(problem.fields) == MAX_INVALID_FIELDS
    longest = max(len(each.message) for each in problem.fields)
    assert len(problem.message) <= longest < MAX_TEXT_CHARS + 100


def test_body_that_is_nested_too_deeply_is_cut() -> None:
    body: Any = "end"
    for _ in range(300):
        body = {"options": body}
    assert build_refused_input(REQUEST, body, "default").message == "default"


@pytest.mark.parametrize("text", ["\x00\x1b[31m", "<script>alert(1)</script>", "a\u2028b"])
def test_clean_text_is_one_line_without_tags(text: str) -> None:
    cleaned = clean_text(text)
    assert "<" not in cleaned
    assert cleaned.isprintable()

"""Test that validation is bounded, and suggests nothing unless asked."""

import pytest
from graphql import parse
from graphql.pyutils.suggestion_list import LexicalDistance

from gateway.execution.admission.document_validation import (
    MAX_SUGGESTED_ERRORS,
    MAX_VALIDATION_ERRORS,
    validate_document,
)
from gateway.schema.framework.errors import MAX_CITED_CHARS
from tests.support.schema_documents import SCHEMA

MISSPELT_DOCUMENTS = {
    "field": "{ viewr { id } }",
    "argument": "{ resources(frst: 1) { totalCount } }",
    "type": '{ node(id: "a") { ... on Resorce { id } } }',
    "type of a variable": "query ($a: Itn) { resources(first: $a) { totalCount } }",
    "enum value": "{ resources(orderBy: NAME_AS) { totalCount } }",
    "filter": '{ resources(filter: { nam: "a" }) { totalCount } }',
    "enum value in a filter": "{ resources(filter: { state: [OKK] }) { totalCount } }",
    "directive's argument": "{ viewer @include(iff: true) { __typename } }",
}


@pytest.mark.parametrize("text", MISSPELT_DOCUMENTS.values(), ids=MISSPELT_DOCUMENTS)
def test_similar_names_are_suggested_on_request_alone(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    suggesting_errors = validate_document(SCHEMA, parse(text), suggestions=True)
    assert "Did you mean" in suggesting_errors[0].message
    monkeypatch.delattr(LexicalDistance, "measure")
    errors = validate_document(SCHEMA, parse(text), suggestions=False)
    assert not any("Did you mean" in each.message for each in errors)
    assert [each.locations for each in errors] == [each.locations for each in suggesting_errors]


def test_fields_without_a_selection_have_no_suggestion() -> None:
    (error,) = validate_document(SCHEMA, parse("{ viewer }"), suggestions=False)
    assert error.message == "Field 'viewer' of type 'Viewer' must have a selection of subfields."


def test_similar_names_are_suggested_for_the_first_errors() -> None:
    fields = " ".join(f"viewr{index}" for index in range(10))
    errors = validate_document(SCHEMA, parse(f"{{ {fields} }}"), suggestions=True)
    suggestions = ["Did you mean" in each.message for each in errors]
    assert suggestions == [True] * MAX_SUGGESTED_ERRORS + [False] * (10 - MAX_SUGGESTED_ERRORS)


def test_equal_errors_are_one_with_all_locations() -> None:
    errors = validate_document(SCHEMA, parse("{ a b a @x @x a }"), suggestions=False)
    assert [(each.message, len(each.locations or ())) for each in errors] == [
        ("Cannot query field 'a' on type 'Query'.", 3),
        ("Cannot query field 'b' on type 'Query'.", 1),
        ("Unknown directive '@x'.", 2),
    ]


def test_errors_are_few_and_short() -> None:
    fields = " ".join(f"{'x' * 120}{index}" for index in range(1000))
    errors = validate_document(SCHEMA, parse(f"{{ viewer {{ {fields} }} }}"), suggestions=False)
    assert len(errors) == MAX_VALIDATION_ERRORS + 1
    long_text = parse('{ resources(first: "%s") { totalCount } }' % ("x" * 10_000))
    (error,) = validate_document(SCHEMA, long_text, suggestions=False)
    assert len(error.message) == MAX_CITED_CHARS
    assert "xxx … xxx" in error.message


def test_an_aborted_validation_is_explained() -> None:
    text = "{ viewer { %s } }" % ("__typename " * 1000)
    (error,) = validate_document(SCHEMA, parse(text), suggestions=False)
    assert error.message.startswith("The document is too complex to be validated")

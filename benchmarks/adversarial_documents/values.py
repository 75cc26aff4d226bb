"""Documents whose responses, names or values cost much."""

from collections.abc import Mapping

from benchmarks.adversarial_documents.adversarial_document import (
    INVALID,
    PARSE_FAILED,
    TOO_COMPLEX,
    AdversarialDocument,
    nest_text,
    repeat_pattern,
)

_pages = nest_text("customer { projects(first: 300) { nodes { ", "name", " } } }", 5)
_variable_pages = _pages.replace("300", "$n")
_page = "{ nodes { project { ...F{next} } } }"
_fan_out = (
    f"fragment F{{i}} on Project {{ a: resources(first: $v{{i}}) {_page}"
    f" b: resources(first: $w{{i}}) {_page} }}"
)
_definitions = repeat_pattern("$v{i}: Int $w{i}: Int", 5)
COST_DOCUMENTS: Mapping[str, AdversarialDocument] = {
    "nested pages of 300": AdversarialDocument(
        f"{{ projects(first: 300) {{ nodes {{ {_pages} }} }} }}", TOO_COMPLEX
    ),
    "nested pages in a variable": AdversarialDocument(
        f"query ($n: Int) {{ projects(first: $n) {{ nodes {{ {_variable_pages} }} }} }}",
        TOO_COMPLEX,
        {"n": 300},
    ),
    "nested pages in a variable's default": AdversarialDocument(
        f"query ($n: Int = 300) {{ projects(last: $n) {{ nodes {{ {_variable_pages} }} }} }}",
        TOO_COMPLEX,
    ),
    "pages of many variables in doubling fragments": AdversarialDocument(
        f"query ({_definitions}) {{ projects(first: 1) {{ nodes {{ ...F0 }} }} }} "
        + repeat_pattern(_fan_out, 5)
        + " fragment F5 on Project { name }",
        TOO_COMPLEX,
    ),
    "ids": AdversarialDocument(
        "query ($ids: [ID!]!) { nodes(ids: $ids) {"
        " ... on Customer { projects(first: 300) { nodes { name uuid } } } } }",
        TOO_COMPLEX,
        {"ids": ["x"] * 300},
    ),
}

_stem = "resourceAttributes" * 6
NAME_DOCUMENTS: Mapping[str, AdversarialDocument] = {
    "unknown fields with long names": AdversarialDocument(
        "{ viewer { " + repeat_pattern(f"{_stem}{{i}}", 790) + " } }", INVALID
    ),
    "unknown arguments with long names": AdversarialDocument(
        "{ resources(" + repeat_pattern(f"{_stem}{{i}}: 1", 300) + ") { totalCount } }", INVALID
    ),
    "unknown types with long names": AdversarialDocument(
        "{ viewer { " + repeat_pattern(f"... on {_stem}{{i}} {{ a }}", 150) + " } }", INVALID
    ),
    "unknown enum values with long names": AdversarialDocument(
        "{ resources(filter: { state: ["
        + repeat_pattern(f"{_stem}{{i}}", 800)
        + "] }) { totalCount } }",
        INVALID,
    ),
    "unknown filter fields with long names": AdversarialDocument(
        "{ resources(filter: { "
        + repeat_pattern(f"{_stem}{{i}}: null", 300)
        + " }) { totalCount } }",
        INVALID,
    ),
    "unknown directives": AdversarialDocument(
        "{ viewer " + repeat_pattern(f"@{_stem}{{i}}", 48) + " { name } }", INVALID
    ),
    "a name of 90,000 characters": AdversarialDocument("{ " + "a" * 90000 + " }", PARSE_FAILED),
    "a syntax error at a name of 90,000 characters": AdversarialDocument(
        "{ a } " + "a" * 90000, PARSE_FAILED
    ),
}

_deep_list, _deep_object = (nest_text("[", "1", "]", 190), nest_text("{ not: ", "{}", " }", 180))
_digits = "9" * 90000
_text = "x" * 90000
_lines = "\n a" * 30000
_escapes = "\\u0041" * 15000
VALUE_DOCUMENTS: Mapping[str, AdversarialDocument] = {
    "deep list": AdversarialDocument(
        f"{{ resources(first: {_deep_list}) {{ totalCount }} }}", INVALID
    ),
    "lists nested beyond the parser": AdversarialDocument(f"{{ a(b: {'[' * 900}", PARSE_FAILED),
    "deep filter": AdversarialDocument(f"{{ resources(filter: {_deep_object}) {{ totalCount }} }}"),
    "long list of a wrong type": AdversarialDocument(
        f"{{ resources(filter: {{ state: [{'1 ' * 950}] }}) {{ totalCount }} }}", INVALID
    ),
    "list of objects of a wrong type": AdversarialDocument(
        f"{{ resources(filter: {{ and: [{'{ name: {} } ' * 60}] }}) {{ totalCount }} }}", INVALID
    ),
    "an integer of 90,000 digits": AdversarialDocument(
        f"{{ resources(first: {_digits}) {{ totalCount }} }}", INVALID
    ),
    "a number of 90,000 digits": AdversarialDocument(
        f"{{ resources(filter: {{ name: {_digits}.5e999 }}) {{ totalCount }} }}", INVALID
    ),
    "a string of 90,000 characters": AdversarialDocument(
        f'{{ resources(first: "{_text}") {{ totalCount }} }}', INVALID
    ),
    "a block string of 30,000 lines": AdversarialDocument(
        f'{{ resources(query: """{_lines}""") {{ totalCount }} }}'
    ),
    "15,000 escapes": AdversarialDocument(f'{{ resources(query: "{_escapes}") {{ totalCount }} }}'),
    "comments": AdversarialDocument("{ __typename " + "#\n" * 45000 + "}", PARSE_FAILED),
    "commas": AdversarialDocument("{ __typename " + "," * 95000 + "}"),
    "empty lines": AdversarialDocument("{ __typename " + "\r\n" * 45000 + "}"),
    "surrogates": AdversarialDocument('{ a(b: "\\ud800") }', PARSE_FAILED),
    "raw surrogates": AdversarialDocument('{ a(b: "\ud800") }', PARSE_FAILED),
    "NUL": AdversarialDocument("{ \x00 }", PARSE_FAILED),
    "1 MB": AdversarialDocument("{ __typename }" + " " * 1000000, PARSE_FAILED),
}

"""Documents whose structure costs much: fragments, repeated fields, counts, nesting."""

from collections.abc import Mapping

from graphql import get_introspection_query

from benchmarks.adversarial_documents.adversarial_document import (
    INVALID,
    PARSE_FAILED,
    TOO_COMPLEX,
    UUID,
    AdversarialDocument,
    nest_text,
    repeat_pattern,
)

_start = "{ resources(first: 1) { nodes { ...F0 } } } "
_doubling = "fragment F{i} on Resource { ...F{next} ...F{next} }"
_fields = "fragment F{i} on Resource { a: parent { ...F{next} } b: parent { ...F{next} } }"
_aliases = "fragment F{i} on Resource { a{i}: uuid b{i}: uuid ...F{next} ...F{next} }"
_spreads = "...F{next} " * 30
_cyclic = "fragment F{i} on Resource { ...F{next} uuid }"
_everyone = "".join(f"...F{i} " for i in range(20))
_link = "fragment F{i} on Resource { ...F{next} }"
FRAGMENT_DOCUMENTS: Mapping[str, AdversarialDocument] = {
    "doubling fragments, 26 levels": AdversarialDocument(
        f"{_start}{repeat_pattern(_doubling, 26)} fragment F26 on Resource {{ uuid }}", TOO_COMPLEX
    ),
    "doubling fragments with fields, 20 levels": AdversarialDocument(
        f"{_start}{repeat_pattern(_fields, 20)} fragment F20 on Resource {{ uuid }}", TOO_COMPLEX
    ),
    "doubling fragments with aliases, 26 levels": AdversarialDocument(
        f"{_start}{repeat_pattern(_aliases, 26)} fragment F26 on Resource {{ uuid }}", TOO_COMPLEX
    ),
    "spread fan-out, 30 spreads in 30 fragments": AdversarialDocument(
        _start
        + repeat_pattern(f"fragment F{{i}} on Resource {{ {_spreads} }}", 15)
        + " fragment F15 on Resource { uuid }",
        TOO_COMPLEX,
    ),
    "one fragment spread 450 times": AdversarialDocument(
        "{ resources(first: 1) { nodes { "
        + "...F " * 450
        + "} } } fragment F on Resource { uuid name slug state }"
    ),
    "cyclic fragments, 100": AdversarialDocument(
        f"{_start}{repeat_pattern(_cyclic, 99)} fragment F99 on Resource {{ ...F0 uuid }}", INVALID
    ),
    "fragments that all spread each other": AdversarialDocument(
        _start + repeat_pattern(f"fragment F{{i}} on Resource {{ {_everyone} }}", 20), INVALID
    ),
    "a chain of 140 fragments": AdversarialDocument(
        f"{_start}{repeat_pattern(_link, 140)} fragment F140 on Resource {{ uuid }}"
    ),
    "a chain of 240 fragments": AdversarialDocument(
        f"{_start}{repeat_pattern(_link, 240)} fragment F240 on Resource {{ uuid }}",
        PARSE_FAILED,
    ),
    "unused fragments": AdversarialDocument(
        "{ __typename } " + repeat_pattern("fragment F{i} on Resource { uuid }", 140), INVALID
    ),
    "unknown fragments": AdversarialDocument("{ " + repeat_pattern("...F{i}", 480) + " }", INVALID),
    "fragments of one name": AdversarialDocument(
        f"{_start}{'fragment F0 on Resource { uuid } ' * 130}", INVALID
    ),
    "variables in fragments of many operations": AdversarialDocument(
        repeat_pattern("query Q{i}($n: Int) { ...F0 }", 50)
        + repeat_pattern(" fragment F{i} on Query { ...F{next} }", 50)
        + " fragment F50 on Query { resources(first: $n) { totalCount } }",
        operation_name="Q0",
    ),
}

_conflicts = repeat_pattern("renewalEstimate(extensionMonths: {i}) { __typename }", 110)
_conflicting = repeat_pattern("x: __typename x: nodeId", 160)
_duplicates = "uuid " * 980
_duplicate_objects = "project { name } " * 240
_nested = "@"
for _ in range(7):
    _nested = _nested.replace("@", "{ parent @ parent @ }")
_nested = _nested.replace("@", "{ uuid }")
_inline = "... on Resource { parent { uuid } } " * 100
OVERLAP_DOCUMENTS: Mapping[str, AdversarialDocument] = {
    "conflicting arguments": AdversarialDocument(
        "{ " + repeat_pattern('resource(uuid: "{i}") { uuid }', 110) + " }", TOO_COMPLEX
    ),
    "conflicting arguments below the root": AdversarialDocument(
        f'{{ resource(uuid: "{UUID}") {{ {_conflicts} }} }}', INVALID
    ),
    "conflicting fields": AdversarialDocument(
        f'{{ resource(uuid: "{UUID}") {{ {_conflicting} }} }}', TOO_COMPLEX
    ),
    "duplicate root fields": AdversarialDocument("{ " + "__typename " * 990 + "}", TOO_COMPLEX),
    "duplicate fields": AdversarialDocument(
        f'{{ resource(uuid: "{UUID}") {{ {_duplicates} }} }}', INVALID
    ),
    "duplicate objects": AdversarialDocument(
        f'{{ resource(uuid: "{UUID}") {{ {_duplicate_objects} }} }}', INVALID
    ),
    "duplicate objects, doubled at each level": AdversarialDocument(
        f'{{ resource(uuid: "{UUID}") {_nested} }}', INVALID
    ),
    "inline fragments side by side": AdversarialDocument(
        f'{{ resource(uuid: "{UUID}") {{ {_inline} }} }}', INVALID
    ),
}

_conditions = '{ name: "x" } ' * 160
_filter = '{ or: [{ name: "x" } { name: "y" } { name: "z" }] }'
COUNT_DOCUMENTS: Mapping[str, AdversarialDocument] = {
    "aliases of __typename": AdversarialDocument(
        "{ " + repeat_pattern("a{i}: __typename", 330) + " }", TOO_COMPLEX
    ),
    "aliases of a connection": AdversarialDocument(
        "{ " + repeat_pattern("a{i}: resources(first: 300) { totalCount }", 80) + " }", TOO_COMPLEX
    ),
    "directives": AdversarialDocument("{ __typename " + "@aa " * 490 + "}", TOO_COMPLEX),
    "directives of variables": AdversarialDocument(
        "query ($a: Int " + "@aa " * 490 + ") { __typename }", TOO_COMPLEX
    ),
    "@include on each field": AdversarialDocument(
        "query ($a: Boolean!) { " + repeat_pattern("__typename @include(if: $a)", 120) + " }",
        TOO_COMPLEX,
    ),
    "operations": AdversarialDocument(
        repeat_pattern("query Q{i} { __typename }", 190), None, {}, "Q7"
    ),
    "anonymous operations": AdversarialDocument("{ __typename } " * 330, INVALID),
    "variable definitions": AdversarialDocument(
        "query (" + repeat_pattern("$v{i}: Int", 240) + ") { __typename }", INVALID
    ),
    "undefined variables": AdversarialDocument(
        "{ " + repeat_pattern("resources(first: $v{i}) { totalCount }", 45) + " }", INVALID
    ),
    "one variable in many places": AdversarialDocument(
        "query ($n: Int) { resources(first: 1) { nodes { "
        + repeat_pattern("a{i}: project { resources(first: $n) { totalCount } }", 70)
        + " } } }",
        None,
        {"n": 5},
    ),
    "filter conditions": AdversarialDocument(
        f"{{ resources(filter: {{ or: [{_conditions}] }}) {{ totalCount }} }}", TOO_COMPLEX
    ),
    "filters of several fields": AdversarialDocument(
        "{ " + repeat_pattern(f"a{{i}}: resources(filter: {_filter}) {{ totalCount }}", 40) + " }",
        TOO_COMPLEX,
    ),
}

_aliased = repeat_pattern("a{i}: type { fields { name type { fields { name } } } }", 60)
_doubling = "fragment T{i} on __Type { a: ofType { ...T{next} } b: ofType { ...T{next} } }"
NESTING_DOCUMENTS: Mapping[str, AdversarialDocument] = {
    "deep fields": AdversarialDocument(
        f"""{{ resource(uuid: "{UUID}") {nest_text("{ parent ", "{ uuid }", " }", 180)} }}""",
        TOO_COMPLEX,
    ),
    "fields nested beyond the parser": AdversarialDocument("{ a" * 900, PARSE_FAILED),
    "deep inline fragments": AdversarialDocument(
        f"""{{ resource(uuid: "{UUID}") {nest_text("{ ... ", "{ uuid }", " }", 180)} }}"""
    ),
    "introspection with aliases": AdversarialDocument(
        f"{{ __schema {{ types {{ fields {{ {_aliased} }} }} }} }}", INVALID
    ),
    "introspection with doubling fragments": AdversarialDocument(
        "{ __schema { types { fields { type { ...T0 } } } } } "
        + repeat_pattern(_doubling, 20)
        + " fragment T20 on __Type { name }",
        TOO_COMPLEX,
    ),
    "nested introspection": AdversarialDocument(
        "{ __schema { types { " + nest_text("fields { type { ", "name", " } }", 20) + " } } }",
        TOO_COMPLEX,
    ),
    "types by name": AdversarialDocument(
        "query ($n: String!) { "
        + repeat_pattern("a{i}: __type(name: $n) { fields { name type { fields { name } } } }", 40)
        + " }",
        TOO_COMPLEX,
        {"n": "Resource"},
    ),
    "introspection": AdversarialDocument(get_introspection_query()),
}

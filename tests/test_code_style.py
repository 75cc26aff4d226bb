"""Check the naming and prose rules of CONTRIBUTING.md that no linter knows."""

import ast
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, is_enum_type, is_input_object_type
from graphql.type import GraphQLNamedType

from tests.support.project_paths import PROJECT_ROOT

MAX_ONE_WORD_SHARE = 0.35
MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 40
LONG_FILES: dict[str, str] = {}
"""Files of more than 400 lines, each with the reason."""
LONG_FUNCTIONS: dict[str, str] = {}
"""Functions of more than 40 lines, each with the reason."""
ONE_WORD_NAMES = {
    "add": "collection protocol",
    "authenticate": "HTTP authentication",
    "cancel": "asyncio",
    "close": "Python's I/O protocol",
    "collect": "prometheus-client",
    "column": "declaration of a row class",
    "commit": "SQL",
    "compile": "SQLAlchemy",
    "computed": "declaration of a field",
    "connect": "psycopg",
    "encode": "codec protocol",
    "enqueue": "queue",
    "enum": "declaration of a GraphQL enum",
    "error": "argparse",
    "execute": "GraphQL",
    "fail": "asyncio futures, pytest",
    "first": "declaration of a field",
    "incr": "storages of the library limits",
    "lifespan": "ASGI",
    "main": "entry point",
    "many": "declaration of a field",
    "open": "psycopg_pool",
    "one": "declaration of a field",
    "only": "declaration of a field",
    "pages": "declaration of a field",
    "resolve": "GraphQL",
    "retry": "connection pool",
    "revoked": "callback of an authorisation that ended",
    "rollback": "SQL",
    "run": "asyncio",
    "receive": "ASGI",
    "send": "ASGI, sockets",
    "shutdown": "sockets",
    "start": "servers",
    "stop": "servers",
    "touch": "token refresh, as of files",
    "write": "asyncio",
}
"""Public functions of one word, each with the field that calls it so."""
UNSCALED_LIMIT = re.compile(
    r"asyncio\.timeout\(\d|AsyncClient\(\)|(AsyncClient|Client|communicate|run)\(.*timeout=\d"
    r"|monotonic\(\) \+ \d+[),\s]*$|\b(process|popen)\.wait\(\d"
)
"""Lines with a fixed number of seconds where tests/support/time_limits.py has scaled ones."""
BANNED_OPENINGS = re.compile(r"(Give|Have|Tell|Say|Hear|Let|Hold)\b")
BANNED_WORDS = re.compile(
    r"\b(?:nobody|somebody|whoever|none sees|what becomes of|as is wanted|what none|anew|besides?"
    r"|likewise|thereby|any more|once a run|times in all|waiting ones|(?:of|over) a Waldur"
    r"|of another version)\b(?! (?:installation|marketplace|token|user)\b)"
    r"|(?<!there )\b(?:is|are|was|were) no (?!longer\b|more than\b)",
    re.IGNORECASE,
)
"""Words and phrases that are not plain English, such as `is no X` for "is not a X"."""
CODE_PATTERN = re.compile(r"```.*?```|``.*?``|`[^`]*`|<!--.*?-->", re.DOTALL)
"""Code in Markdown and docstrings, whose names may be such words."""
CLIENT_UNKNOWN_WORDS = re.compile(r"\b(gateway|rows?|takes? the permission)\b", re.IGNORECASE)
"""Words that descriptions don't use: clients know an API and objects."""
GATEWAY_FILES = sorted((PROJECT_ROOT / "gateway").rglob("*.py"))
PYTHON_FILES = [
    *GATEWAY_FILES,
    *(
        path
        for folder in ("tests", "benchmarks", "tools")
        for path in sorted((PROJECT_ROOT / folder).rglob("*.py"))
        if not {".tools", ".data", "node_modules"} & set(path.parts)
    ),
]
DOCUMENTS = [
    *sorted(PROJECT_ROOT.glob("*.md")),
    *sorted((PROJECT_ROOT / "docs").rglob("*.md")),
    PROJECT_ROOT / "benchmarks" / "README.md",
]
SCRIPTS = [
    path
    for folder in ("tests/transports/clients", "benchmarks/peers")
    for path in sorted((PROJECT_ROOT / folder).rglob("*.mjs"))
    if "node_modules" not in path.parts
]
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


def parse_file(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def iter_functions(path: Path) -> Iterator[Function]:
    """Yield all functions of a file that are not dunder methods."""
    for node in ast.walk(parse_file(path)):
        if isinstance(node, Function) and not node.name.startswith("__"):
            yield node


def is_demo_data(path: Path) -> bool:
    """Return whether a file makes rows of the demo."""
    return "demo/marketplace" in path.as_posix()


def is_one_word(name: str) -> bool:
    """Return whether a name has no second word."""
    return "_" not in name.strip("_")


def has_decorator(function: Function, *names: str) -> bool:
    """Return whether one of the named decorators stands above a function."""
    return any(ast.unparse(each).split("(")[0] in names for each in function.decorator_list)


def iter_docstrings(path: Path) -> Iterator[str]:
    """Yield docstrings, also those of attributes."""
    for node in ast.walk(parse_file(path)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.value.value


def iter_comments(path: Path) -> Iterator[str]:
    """Yield the comments of a Python file; adjacent lines are one comment."""
    lines: list[str] = []
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.COMMENT:
                lines.append(token.string.lstrip("# "))
            elif token.type != tokenize.NL and lines:
                yield " ".join(lines)
                lines.clear()


def find_banned_words(text: str) -> list[str]:
    """Return the banned words and phrases in a text, except in its code."""
    return BANNED_WORDS.findall(" ".join(CODE_PATTERN.sub("code", text).split()))


def iter_descriptions(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Yield each description of a schema with the place that it belongs to."""
    yield "schema", schema.description or ""
    for name, graphql_type in schema.type_map.items():
        if not name.startswith("__"):
            yield name, graphql_type.description or ""
            yield from iter_member_descriptions(name, graphql_type)


def iter_member_descriptions(
    name: str, graphql_type: GraphQLNamedType
) -> Iterator[tuple[str, str]]:
    """Yield the descriptions of a type's fields, arguments and enum values."""
    if is_enum_type(graphql_type):
        members = graphql_type.values
    else:
        members = getattr(graphql_type, "fields", {})
    for member_name, member in members.items():
        yield f"{name}.{member_name}", member.description or ""
        if not is_enum_type(graphql_type) and not is_input_object_type(graphql_type):
            for argument_name, argument in member.args.items():
                yield f"{name}.{member_name}({argument_name})", argument.description or ""


def test_few_function_names_are_one_word() -> None:
    names = [
        each.name
        for path in GATEWAY_FILES
        if not is_demo_data(path)
        for each in iter_functions(path)
    ]
    assert len(names) > 1000
    assert sum(map(is_one_word, names)) / len(names) <= MAX_ONE_WORD_SHARE


def test_public_one_word_names_are_terms_of_the_field() -> None:
    unexplained = {
        f"{path.relative_to(PROJECT_ROOT)}:{each.lineno} {each.name}"
        for path in GATEWAY_FILES
        for each in iter_functions(path)
        if is_one_word(each.name)
        and not each.name.startswith("_")
        and each.name not in ONE_WORD_NAMES
        and not has_decorator(each, "property", "cached_property")
    }
    assert not unexplained


def test_public_functions_and_classes_are_defined_once() -> None:
    places = defaultdict(list)
    for path in GATEWAY_FILES:
        for node in parse_file(path).body:
            if isinstance(node, Definition) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(PROJECT_ROOT)))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_docstrings_and_comments_are_plain(path: Path) -> None:
    for docstring in iter_docstrings(path):
        assert not BANNED_OPENINGS.match(docstring), docstring
        assert not find_banned_words(docstring), docstring
    for comment in iter_comments(path):
        assert not find_banned_words(comment), comment


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_documents_are_plain(path: Path) -> None:
    assert not find_banned_words(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_scripts_are_plain(path: Path) -> None:
    assert not find_banned_words(re.sub(r"\n\s*//", "", path.read_text(encoding="utf-8")))


def test_descriptions_are_plain() -> None:
    printed_schema = (PROJECT_ROOT / "schema.graphql").read_text(encoding="utf-8")
    for place, description in iter_descriptions(build_schema(printed_schema)):
        assert not BANNED_OPENINGS.match(description), (place, description)
        assert not find_banned_words(description), (place, description)
        assert not CLIENT_UNKNOWN_WORDS.search(description), (place, description)


def test_files_and_functions_are_short() -> None:
    long_files, long_functions = set(), set()
    for path in PYTHON_FILES:
        name = str(path.relative_to(PROJECT_ROOT))
        if len(path.read_text(encoding="utf-8").splitlines()) > MAX_FILE_LINES:
            long_files.add(name)
        for each in iter_functions(path):
            assert each.end_lineno is not None
            if each.end_lineno - each.lineno >= MAX_FUNCTION_LINES:
                long_functions.add(f"{name}:{each.name}")
    assert long_files == set(LONG_FILES)
    assert long_functions == set(LONG_FUNCTIONS)


def test_time_limits_of_tests_are_scaled() -> None:
    unscaled = {
        f"{path.relative_to(PROJECT_ROOT)}: {line.strip()}"
        for path in (PROJECT_ROOT / "tests").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if UNSCALED_LIMIT.search(line)
    }
    assert unscaled == set()


def test_tests_mirror_the_package() -> None:
    """`test_<module>[_<aspect>].py` stands in the folder that mirrors the module's."""
    misplaced = set()
    for path in sorted((PROJECT_ROOT / "tests").rglob("test_*.py")):
        folder = path.parent.relative_to(PROJECT_ROOT / "tests")
        if folder.parts[:1] in UNMIRRORED_FOLDERS or path.name in UNMIRRORED_FILES:
            continue
        mirrored = PROJECT_ROOT / "gateway" / folder
        subjects = [
            *(each.stem for each in mirrored.glob("*.py")),
            mirrored.name,
            *(each.name for each in mirrored.glob("*/")),
        ]
        name = path.stem.removeprefix("test_")
        if not any(name == each or name.startswith(f"{each}_") for each in subjects):
            misplaced.add(str(path.relative_to(PROJECT_ROOT)))
    assert not misplaced


UNMIRRORED_FILES = {"test_code_style.py", "test_library_internals.py", "test_makefile.py"}
"""Tests of the whole code base, of its libraries, and of its commands."""
UNMIRRORED_FOLDERS = {("benchmarks",), ("docs",), ("support",), ("system",)}
"""Tests of benchmarks, of documents, of the tests' own tools, and of the whole system."""

"""What we use of libraries without being documented is there, and stands in one module each.

A failure names what a new version has changed, and the module that uses it.
"""

import ast
import inspect
import re
import tomllib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import aiodataloader
import httpcore
import psycopg.adapt
import psycopg.errors
import psycopg.pq
import pytest
import sqlalchemy.sql.util
import starlette.formparsers
import strawberry
import uvicorn
import uvicorn.protocols.utils
from graphql.execution import collect_fields, executor, get_variable_signature, values
from packaging.requirements import Requirement
from starlette.datastructures import Headers
from strawberry.schema.schema_converter import GraphQLCoreConverter
from uvicorn.protocols.http import flow_control, httptools_impl
from uvicorn.protocols.websockets import websockets_sansio_impl
from uvicorn.server import ServerState

from gateway.http.starlette_internals import EncodedResponse
from gateway.marketplace.re_internals import parse_expression
from gateway.schema.framework.strawberry_internals import (
    STRAWBERRY_DEFINITION,
    get_enum_definition,
    get_graphql_schema,
    set_input_converter,
)
from gateway.schema.types.object_event import ResyncReason
from gateway.transports.uvicorn_internals import ResponseCycle, SingleWriteProtocol
from gateway.transports.websocket_internals import BatchedFrameProtocol
from tests.support.project_paths import PROJECT_ROOT

INTERNALS_BY_MODULE = {
    "gateway/db/driver/psycopg_internals.py": ("psycopg.abc", "psycopg.adapt", "psycopg.pq.abc"),
    "gateway/db/sql/sqlalchemy_internals.py": ("sqlalchemy.sql.util",),
    "gateway/execution/graphql_core_internals.py": (
        "graphql.execution.collect_fields",
        "graphql.execution.executor",
        "graphql.execution.get_variable_signature",
        "graphql.execution.values",
        "graphql.pyutils.suggestion_list",
        "graphql.type",
        "graphql.validation",
    ),
    "gateway/http/starlette_internals.py": ("starlette.formparsers",),
    "gateway/loaders/aiodataloader_internals.py": ("aiodataloader",),
    "gateway/marketplace/re_internals.py": ("re._constants", "re._parser"),
    "gateway/schema/framework/strawberry_internals.py": (
        "strawberry.schema.schema_converter",
        "strawberry.types.base",
        "strawberry.types.enum",
        "strawberry.types.scalar",
        "strawberry.utils",
    ),
    "gateway/transports/uvicorn_internals.py": ("uvicorn.protocols.http",),
    "gateway/transports/websocket_internals.py": (
        "uvicorn.protocols.utils",
        "uvicorn.protocols.websockets",
        "websockets",
    ),
}
"""The modules of libraries that only one module of the gateway may import."""
BOUNDED_LIBRARIES = (
    "aiodataloader",
    "graphql-core",
    "httpcore",
    "psycopg",
    "sqlalchemy",
    "starlette",
    "strawberry-graphql",
    "uvicorn",
    "websockets",
)


def check_attributes(owner: object, owner_name: str, names: Collection[str], module: str) -> None:
    """Fail with the first attribute that is gone, and the module that uses it."""
    for name in sorted(names):
        assert hasattr(owner, name), f"{owner_name} no longer has {name}: see {module}"


def check_parameters(function: Callable[..., Any], names: list[str], module: str) -> None:
    """Fail if a function has other first parameters than those that we override or pass."""
    found_names = [*inspect.signature(function).parameters][: len(names)]
    assert found_names == names, (
        f"{function.__module__}.{function.__qualname__} has the parameters {found_names} "
        f"instead of {names}: see {module}"
    )


def list_used_attributes(path: str, class_name: str | None, variable: str) -> set[str]:
    """Return the attributes of a variable that a module, or one class in it, uses."""
    tree: ast.AST = ast.parse((PROJECT_ROOT / path).read_text(encoding="utf-8"))
    if class_name is not None:
        (tree,) = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef) and node.name == class_name
        ]
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == variable
    }


def list_imports(path: Path) -> set[str]:
    """Return the modules that a file imports, or imports from."""
    imports = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imports.add(node.module or "")
    return imports


UVICORN_MODULE = "gateway/transports/uvicorn_internals.py"
OVERRIDDEN_FUNCTIONS = {
    "_start_asgi_task",
    "data_received",
    "handle_connect",
    "handle_cont",
    "handle_ping",
    "keepalive_timeout",
    "on_response_complete",
    "resume_writing",
    "shutdown",
}
"""Functions of uvicorn's protocols that ours override."""


async def create_uvicorn_protocol(protocol_class: Callable[..., Any]) -> Any:
    """Create a protocol of uvicorn that has no connection."""

    async def application(_scope: Any, _receive: Any, _send: Any) -> None:
        """Do nothing."""

    config = uvicorn.Config(application, interface="asgi3")
    return protocol_class(config, ServerState(), {})


@pytest.mark.parametrize(
    ("subclass", "base", "module"),
    [
        (SingleWriteProtocol, httptools_impl.HttpToolsProtocol, UVICORN_MODULE),
        (
            BatchedFrameProtocol,
            websockets_sansio_impl.WebSocketsSansIOProtocol,
            "gateway/transports/websocket_internals.py",
        ),
    ],
)
async def test_uvicorn_protocols(subclass: type, base: type, module: str) -> None:
    protocol = await create_uvicorn_protocol(base)
    if base is websockets_sansio_impl.WebSocketsSansIOProtocol:
        assert "self.scope: " in inspect.getsource(base.handle_connect)
        protocol.scope = {}  # handle_connect sets it
    else:
        assert "self.url" in inspect.getsource(httptools_impl.HttpToolsProtocol)
        protocol.url = b""  # a parser callback sets it
    own_names = {*vars(await create_uvicorn_protocol(subclass)), *vars(subclass)} - {
        *vars(protocol)
    }
    names = list_used_attributes(module, subclass.__name__, "self") - own_names
    assert names
    check_attributes(protocol, f"{base.__module__}.{base.__name__}", names, module)
    for name in OVERRIDDEN_FUNCTIONS & {*vars(subclass)}:
        check_attributes(base, f"{base.__module__}.{base.__name__}", [name], module)
        parameters = [*inspect.signature(vars(subclass)[name]).parameters]
        check_parameters(getattr(base, name), parameters, module)


def test_uvicorn_cycles_and_functions() -> None:
    cycle_class = httptools_impl.RequestResponseCycle
    parameters = inspect.signature(cycle_class).parameters
    cycle = cycle_class(**dict.fromkeys(parameters, None))  # type: ignore[arg-type]
    cycle_name = f"{cycle_class.__module__}.{cycle_class.__name__}"
    own_names = {*vars(ResponseCycle), *ResponseCycle.__annotations__}
    names = list_used_attributes(UVICORN_MODULE, None, "cycle") - own_names
    names |= list_used_attributes(UVICORN_MODULE, "ResponseCycle", "self") - own_names
    assert names >= {"chunked_encoding", "keep_alive", "on_response"}
    check_attributes(cycle, cycle_name, names, UVICORN_MODULE)
    check_parameters(cycle_class.send, ["self", "message"], UVICORN_MODULE)
    flow = flow_control.FlowControl(None)  # type: ignore[arg-type]
    check_attributes(
        flow,
        "uvicorn's FlowControl",
        ["pause_reading", "read_paused", "resume_reading", "write_paused"],
        UVICORN_MODULE,
    )
    assert httptools_impl.STATUS_LINE[200] == b"HTTP/1.1 200 OK\r\n"
    assert issubclass(uvicorn.protocols.utils.ClientDisconnected, OSError)


async def test_starlette_responses_and_forms() -> None:
    module = "gateway/http/starlette_internals.py"
    messages: list[Any] = []

    async def receive() -> Any:
        raise AssertionError

    async def send(message: Any) -> None:
        messages.append(message)

    headers = [(b"content-length", b"4")]
    await EncodedResponse(400, headers, b"body")({"type": "http"}, receive, send)
    assert messages == [
        {"type": "http.response.start", "status": 400, "headers": headers},
        {"type": "http.response.body", "body": b"body"},
    ], f"starlette.responses.Response sends something else: see {module}"
    parser = starlette.formparsers.MultiPartParser(Headers(), None)  # type: ignore[arg-type]
    check_attributes(parser, "starlette.formparsers.MultiPartParser", ["parse"], module)
    parameters = {*inspect.signature(starlette.formparsers.MultiPartParser).parameters}
    assert parameters >= {"max_files", "max_fields", "max_part_size"}, f"see {module}"
    error = starlette.formparsers.MultiPartException("the message")
    check_attributes(error, "starlette's MultiPartException", ["message"], module)


def test_aiodataloader_queueing() -> None:
    module = "gateway/loaders/aiodataloader_internals.py"
    loader_class = aiodataloader.DataLoader
    check_attributes(loader_class, "aiodataloader.DataLoader", ["do_resolve_reject"], module)
    check_parameters(loader_class.do_resolve_reject, ["self", "key", "future"], module)
    assert "self.do_resolve_reject(key, future)" in inspect.getsource(loader_class.load), (
        f"DataLoader.load no longer calls do_resolve_reject: see {module}"
    )


def test_httpcore_connections() -> None:
    module = "gateway/rest_api/httpcore_internals.py"
    origin = httpcore.Origin(b"http", b"waldur.example.org", 80)
    connection = httpcore.AsyncHTTPConnection(origin)
    check_attributes(connection, "httpcore.AsyncHTTPConnection", ["_connection"], module)
    protocol = httpcore.AsyncHTTP11Connection(origin, httpcore.AsyncMockStream([]))
    check_attributes(protocol, "httpcore.AsyncHTTP11Connection", ["_h11_state"], module)
    check_attributes(protocol._h11_state, "h11.Connection", ["trailing_data"], module)


def test_psycopg_results() -> None:
    module = "gateway/db/driver/psycopg_internals.py"
    transformer, names = psycopg.adapt.Transformer(), ["load_rows", "set_pgresult"]
    check_attributes(transformer, "psycopg.adapt.Transformer", names, module)
    check_attributes(psycopg.errors, "psycopg.errors", ["error_from_result"], module)
    libpq_module = "gateway/db/driver/pipeline_connection.py"
    libpq_names = list_self_chain(libpq_module, "_libpq")
    assert libpq_names >= {"pipeline_sync", "send_query_prepared"}
    check_attributes(psycopg.pq.PGconn, "psycopg.pq.PGconn", libpq_names, libpq_module)


def list_self_chain(path: str, attribute: str) -> set[str]:
    """Return the attributes of `self.<attribute>` that a module uses."""
    return {
        node.attr
        for node in ast.walk(ast.parse((PROJECT_ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == f"self.{attribute}"
    }


def test_graphql_core_execution() -> None:
    module = "gateway/execution/graphql_core_internals.py"
    check_attributes(collect_fields, "collect_fields", ["CollectedFields"], module)
    check_attributes(values, "values", ["VariableValues", "VariableValueSource"], module)
    check_attributes(executor.Executor, "graphql.execution.executor.Executor", ["build"], module)
    check_parameters(
        collect_fields.collect_fields,
        ["schema", "fragments", "variable_values", "runtime_type", "operation"],
        module,
    )
    check_parameters(
        collect_fields.collect_subfields,
        [
            "schema",
            "fragments",
            "variable_values",
            "operation",
            "return_type",
            "field_details_list",
        ],
        module,
    )
    signature_function = get_variable_signature.get_variable_signature
    check_parameters(signature_function, ["schema", "var_def_node"], module)


def test_strawberry_definitions() -> None:
    module = "gateway/schema/framework/strawberry_internals.py"
    check_attributes(GraphQLCoreConverter, "GraphQLCoreConverter", ["DEFINITION_BACKREF"], module)

    @strawberry.type
    class Query:
        field_name: int | None

    schema = strawberry.Schema(Query)
    check_attributes(schema, "strawberry.Schema", ["_schema"], module)
    query_type = get_graphql_schema(schema).query_type
    assert query_type is not None
    definition = query_type.fields["fieldName"].extensions[STRAWBERRY_DEFINITION]
    check_attributes(definition, "StrawberryField", ["metadata", "python_name", "type"], module)
    assert definition.python_name == "field_name"
    assert query_type.extensions[STRAWBERRY_DEFINITION].origin is Query


def test_strawberry_input_converters() -> None:
    @strawberry.input
    class Range:
        lower_bound: int | None = strawberry.UNSET

    @strawberry.type
    class Query:
        @strawberry.field
        def echo(self, range_: Range) -> str:
            return str(range_)

    set_input_converter(Range, lambda values: [*values.items()])
    result = strawberry.Schema(Query).execute_sync("{ echo(range_: {lowerBound: 1}) }")
    assert result.data == {"echo": "[('lowerBound', 1)]"}, (
        "strawberry no longer calls from_input:"
        " see gateway/schema/framework/strawberry_internals.py"
    )


def test_strawberry_enum_definitions() -> None:
    module = "gateway/schema/framework/strawberry_internals.py"
    definition = get_enum_definition(ResyncReason)
    check_attributes(definition, "StrawberryEnumDefinition", ["values", "wrapped_cls"], module)
    assert {each.name for each in definition.values} == {*ResyncReason.__members__}


def test_re_parse_trees() -> None:
    tree, flags = parse_expression("(?i)[^a-z]{2}")
    ((operator, (minimum, maximum, items)),) = tree
    assert (str(operator), minimum, maximum, flags & re.IGNORECASE) == ("MAX_REPEAT", 2, 2, 2)
    assert str(items[0]) == "(IN, [(NEGATE, None), (RANGE, (97, 122))])"


def test_sqlalchemy_adapter() -> None:
    check_attributes(
        sqlalchemy.sql.util.ClauseAdapter,
        "sqlalchemy.sql.util.ClauseAdapter",
        ["traverse"],
        "gateway/db/sql/sqlalchemy_internals.py",
    )


@pytest.mark.parametrize("module", INTERNALS_BY_MODULE)
def test_internals_are_imported_by_one_module(module: str) -> None:
    prefixes = INTERNALS_BY_MODULE[module]
    importing_modules = {
        path.relative_to(PROJECT_ROOT).as_posix()
        for path in (PROJECT_ROOT / "gateway").rglob("*.py")
        for imported in list_imports(path)
        if any(imported == prefix or imported.startswith(f"{prefix}.") for prefix in prefixes)
    }
    assert importing_modules == {module}


def test_libraries_with_internals_have_an_upper_bound() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = [Requirement(each) for each in project["project"]["dependencies"]]
    bounded = {
        each.name
        for each in requirements
        if any(specifier.operator in {"<", "=="} for specifier in each.specifier)
    }
    assert bounded >= {*BOUNDED_LIBRARIES}


@pytest.mark.parametrize("lock_file", ["requirements.txt", "requirements-dev.txt"])
def test_locked_versions_are_within_the_bounds(lock_file: str) -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock_lines = (PROJECT_ROOT / lock_file).read_text(encoding="utf-8").splitlines()
    pins = [Requirement(each.rstrip("\\ ")) for each in lock_lines if each[:1].isalpha()]
    locked_versions = {pin.name: str(pin.specifier).removeprefix("==") for pin in pins}
    for requirement in map(Requirement, project["project"]["dependencies"]):
        assert requirement.specifier.contains(locked_versions[requirement.name]), requirement

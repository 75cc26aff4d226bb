"""Settings of requests: time-outs, limits, execution."""

from dataclasses import dataclass
from pathlib import Path

from gateway.config.parsers import (
    make_choice_parser,
    make_integer_parser,
    parse_file_path,
    parse_switch,
)
from gateway.config.setting import define_setting


@dataclass(frozen=True)
class RequestSettings:
    """Settings of requests: time-outs, limits, execution."""

    statement_seconds: int = define_setting(
        make_integer_parser(1, 600), "the time-out of a SQL statement, in seconds", default=10
    )
    request_seconds: int = define_setting(
        make_integer_parser(1, 600), "the time-out of a request, in seconds", default=30
    )
    body_bytes: int = define_setting(
        make_integer_parser(1000, 100_000_000),
        "the maximum size of a request body, in bytes",
        default=1_000_000,
    )
    document_tokens: int = define_setting(
        make_integer_parser(100, 100_000),
        "the maximum length of a GraphQL document, in tokens",
        default=2000,
    )
    variable_values: int = define_setting(
        make_integer_parser(10, 1_000_000),
        "the maximum number of values in the variables of a request, together",
        default=10_000,
    )
    variable_objects: int = define_setting(
        make_integer_parser(1, 100_000),
        "the maximum number of objects in the variables of a request, together",
        default=500,
    )
    variable_list_items: int = define_setting(
        make_integer_parser(1, 100_000),
        "the maximum number of items of a list in the variables",
        default=1000,
    )
    variable_text_chars: int = define_setting(
        make_integer_parser(100, 10_000_000),
        "the maximum length of a text in the variables, in characters",
        default=100_000,
    )
    variable_name_chars: int = define_setting(
        make_integer_parser(100, 100_000),
        "the maximum length of a name in the variables, in characters",
        default=1000,
    )
    variable_depth: int = define_setting(
        make_integer_parser(1, 200),
        "the maximum number of levels of lists and objects in a variable",
        default=25,
    )
    operation_depth: int = define_setting(
        make_integer_parser(1, 200),
        "the maximum number of nested fields in an operation",
        default=25,
    )
    operation_aliases: int = define_setting(
        make_integer_parser(0, 100_000),
        "the maximum number of aliases in an operation",
        default=200,
    )
    operation_directives: int = define_setting(
        make_integer_parser(0, 100_000),
        "the maximum number of directives in an operation",
        default=50,
    )
    operation_root_fields: int = define_setting(
        make_integer_parser(1, 10_000),
        "the maximum number of root fields in an operation",
        default=50,
    )
    operation_selections: int = define_setting(
        make_integer_parser(100, 1_000_000),
        "the maximum number of fields and fragments in an operation, with fragments where they are"
        " spread",
        default=10_000,
    )
    operation_conditions: int = define_setting(
        make_integer_parser(0, 100_000),
        "the maximum number of conditions in all filters of an operation together",
        default=200,
    )
    operation_cost: int = define_setting(
        make_integer_parser(100, 1_000_000_000),
        "the maximum cost of an operation",
        default=250_000,
    )
    answer_rows: int = define_setting(
        make_integer_parser(100, 10_000_000),
        "the maximum number of objects in a response",
        default=20_000,
    )
    documents: str = define_setting(
        make_choice_parser("off", "allow", "only"),
        "whether clients may name trusted documents by their ids: not at all, in addition to"
        " sending documents, or only so",
        default="allow",
    )
    document_manifest: Path | None = define_setting(  # noqa: RUF009 - a path is immutable
        parse_file_path, "the path of the manifest of trusted documents"
    )
    persisted_query_bytes: int = define_setting(
        make_integer_parser(0, 1_000_000_000),
        "the maximum size of all automatic persisted queries, in bytes; 0 switches them off",
        default=10_000_000,
    )
    get_queries: bool = define_setting(
        parse_switch, "whether queries may be sent by GET, too", default=False
    )
    http_status: str = define_setting(
        make_choice_parser("compatible", "draft"),
        "the HTTP statuses of invalid requests and partial results",
        default="compatible",
    )
    plan_bytes: int = define_setting(
        make_integer_parser(1_000_000, 10_000_000_000),
        "the maximum size of the cached plans per process, estimated, in bytes",
        default=24_000_000,
    )
    execution: str = define_setting(
        make_choice_parser("compiled", "reference"),
        "how queries are executed: by compiled plans, or by graphql-core alone",
        default="compiled",
    )

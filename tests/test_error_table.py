"""Each exception that can reach a client is in the error table, and docs/errors.md is current."""

import importlib
import pkgutil
import re
from collections import Counter

import pytest

import gateway
from gateway.error_table import CloseCode, ErrorKind, get_error_rule
from gateway.http.errors import error_response
from gateway.subscriptions.quota import QuotaExceededError
from gateway.transports.graphql_transport_ws import (
    MAX_CLOSE_REASON_BYTES,
    create_close_event,
    make_close_error,
)
from tests.support.project_paths import PROJECT_ROOT

ERRORS_PAGE = (PROJECT_ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
UNREACHABLE_EXCEPTIONS = {
    "AnswerTooLargeError": "becomes the problem Unavailable",
    "ConnectionsBusyError": "becomes the problem Unavailable",
    "NoAnswerYetError": "becomes the problem Unavailable",
    "ChangeRefusedError": "becomes the problem that a mutation returns",
    "ClientDisconnectedError": "the client is gone",
    "DatabaseOccupiedError": "the command line's",
    "DemoNotFoundError": "the command line's",
    "FragmentCycleError": "validation reports the cycle",
    "EventSourceError": "the command line's",
    "InvalidAnswerError": "becomes InvalidInput",
    "InvalidExpressionError": "the pattern is not checked",
    "InvalidFieldTypeError": "raised while the schema is built",
    "InvalidRowColumnError": "raised at start",
    "InvalidSettingError": "the command line's",
    "MessageError": "becomes a plain response before the application",
    "ManifestError": "the command line's",
    "UnusableAddressError": "the command line's",
    "MalformedFormError": "becomes BadRequestError",
    "NestedTooDeeplyError": "becomes an error of the document",
    "NeverPlannedError": "the reference execution takes over",
    "NoMarketplaceError": "raised at start",
    "NotPlannedError": "the reference execution takes over",
    "PatternStepsExceededError": "becomes InvalidInput",
    "PlanMismatchError": "the reference execution takes over",
    "PositionExpiredError": "becomes ResyncRequired",
    "PostgresError": "the command line's",
    "UnexpectedSpellingError": "the connection is refused, so the database is unavailable",
    "RefusedCredentialsError": "one of its subclasses does",
    "RowLockedError": "the change is run after the other one",
    "SourceChangedError": "becomes ResyncRequired",
    "UnsupportedPatternError": "the pattern is not checked",
    "UnmeasurableDocumentError": "becomes an error of the document",
    "UnpricedComponentError": "becomes null",
    "WebSocketCloseError": "is a close frame itself",
    "WriteReachedError": "ends the dry run of an operation",
    "_DeadlineReachedError": "becomes the problem Unavailable",
    "_MaximumExceededError": "ends the count of introspection",
    "_NotSeparableError": "the changes are run one by one",
}
"""Exceptions that never reach a client, with the reason."""
KINDS_WITHOUT_EXCEPTION = {
    ErrorKind.UNPARSABLE_DOCUMENT,
    ErrorKind.INVALID_DOCUMENT,
    ErrorKind.INTERNAL,
}
"""Kinds of graphql-core's own errors, and of exceptions that are not ours."""


def list_exception_classes() -> list[type[BaseException]]:
    """Return the exception classes that the gateway defines."""
    modules = [
        importlib.import_module(each.name)
        for each in pkgutil.walk_packages(gateway.__path__, "gateway.")
        if each.name != "gateway.__main__"
    ]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, BaseException)
        and value.__module__ == module.__name__
    ]


def test_each_exception_is_in_the_table_or_never_reaches_a_client() -> None:
    classes = list_exception_classes()
    in_table = [each.__name__ for each in classes if hasattr(each, "error_kind")]
    names = Counter([*in_table, *UNREACHABLE_EXCEPTIONS])
    assert names == Counter(each.__name__ for each in classes)
    assert set(names.values()) == {1}


def test_each_row_of_the_table_is_named_by_an_exception() -> None:
    named_kinds = {getattr(each, "error_kind", None) for each in list_exception_classes()} - {None}
    assert named_kinds == set(ErrorKind) - KINDS_WITHOUT_EXCEPTION


def test_rejected_results_have_one_status() -> None:
    kinds = [
        ErrorKind.UNPARSABLE_DOCUMENT,
        ErrorKind.INVALID_DOCUMENT,
        ErrorKind.INVALID_INPUT,
        ErrorKind.QUERY_TOO_COMPLEX,
        ErrorKind.PERSISTED_QUERY_NOT_FOUND,
        ErrorKind.PERSISTED_QUERY_NOT_SUPPORTED,
        ErrorKind.UNKNOWN_DOCUMENT,
        ErrorKind.UNTRUSTED_DOCUMENT,
    ]
    assert {each.value.status for each in kinds} == {400}


@pytest.mark.parametrize("kind", ErrorKind)
def test_masked_errors_are_logged(kind: ErrorKind) -> None:
    assert (kind.value.masking_message is None) == (kind.value.log_level is None)


@pytest.mark.parametrize("kind", ErrorKind)
def test_responses_and_close_frames_follow_the_table(kind: ErrorKind) -> None:
    error = type("AnyError", (Exception,), {"error_kind": kind})("the message")
    rule, request_id = get_error_rule(error), "i" * 32
    response = error_response(error, request_id)
    close_event = create_close_event(make_close_error(error, request_id))
    message = rule.masking_message or "the message"
    assert response.status_code == rule.status
    assert all(response.headers[name] == value for name, value in rule.headers.items())
    assert message.encode() in response.body
    assert close_event["code"] == (rule.close_code or CloseCode.INTERNAL)
    id_note = f" ({request_id})" if rule.masking_message else ""
    assert close_event["reason"] == f"{message}{id_note}"
    assert len(close_event["reason"]) <= MAX_CLOSE_REASON_BYTES


def test_other_exceptions_are_internal_errors() -> None:
    assert get_error_rule(KeyError()) is ErrorKind.INTERNAL.value
    assert get_error_rule(None) is ErrorKind.INTERNAL.value
    assert get_error_rule(QuotaExceededError()) is ErrorKind.QUOTA_EXCEEDED.value


def test_the_documented_table_is_current() -> None:
    row_pattern = r"^\| `(\w+)` \| (\d+) \| (\d+|none) \| .+ \| .+ \|$"
    assert re.findall(row_pattern, ERRORS_PAGE, re.MULTILINE) == [
        (rule.code.value, str(int(rule.status)), str(int(rule.close_code or 0) or "none"))
        for rule in (each.value for each in ErrorKind)
    ]


def test_documented_headers_are_current() -> None:
    for kind in ErrorKind:
        for name, value in kind.value.headers.items():
            assert f"`{name}: {value}`" in ERRORS_PAGE

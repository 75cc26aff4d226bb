"""`gateway check` over servers in place of Waldur's REST API; none of its requests changes one."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from gateway.rest_api.rest_routes import REST_ROUTES
from tests.support import waldur_2024
from tests.support.command_runner import CommandRunner
from tests.support.rest_server import RecordedRequest, Responder, RestServer, run_rest_server
from tests.support.waldur_answers import WaldurAnswers

RunCheck = Callable[..., tuple[int, dict[str, list[dict[str, Any]]]]]


@pytest.fixture(scope="module")
def rest_server() -> Iterator[RestServer]:
    """Yield a server."""
    with run_rest_server() as server:
        yield server


@pytest.fixture(scope="module")
def staff_token(waldur2024_url: str) -> str:
    """Return the token of a user in the database."""
    with psycopg.connect(waldur2024_url) as connection:
        return waldur_2024.select_tokens(connection)["staff"]


@pytest.fixture
def run_check(
    command_runner: CommandRunner,
    rest_server: RestServer,
    waldur2024_url: str,
) -> RunCheck:
    """Return a function that runs the check and returns its status and findings."""

    def run(respond: Responder, *arguments: str) -> Any:
        rest_server.respond = respond
        rest_server.requests.clear()
        status, output, error_output = command_runner.run_command(
            *("check", "--json", "--database-url", waldur2024_url, *arguments),
            variables={"GATEWAY_WALDUR_URL": rest_server.url},
        )
        assert error_output == ""
        return status, json.loads(output)["sections"]

    return run


def list_texts(sections: dict[str, list[dict[str, Any]]], severity: str) -> list[str]:
    """Return the texts about the REST API with a severity."""
    return [each["text"] for each in sections["REST API"] if each["severity"] == severity]


def test_a_waldur_passes(run_check: RunCheck, rest_server: RestServer, staff_token: str) -> None:
    status, sections = run_check(WaldurAnswers(), "--token", staff_token)
    assert status == 0
    assert [each["severity"] for each in sections["REST API"]] == ["ok"] * 4
    assert "Waldur 8.0.9" in list_texts(sections, "ok")
    assert {each.method for each in rest_server.requests} == {"GET"}
    assert sections["Changes"][0]["text"].startswith("Mutations are sent to the REST API")


def test_missing_routes_are_named(run_check: RunCheck) -> None:
    _, sections = run_check(WaldurAnswers("renew", "set_end_date"))
    assert list_texts(sections, "warning") == []
    finding = sections["REST API"][-1]
    assert finding["severity"] == "note"
    assert "marketplace-resources/renew (since 8.0.5)" in finding["details"]
    assert {each.split("/")[1].split(" ")[0] for each in finding["details"]} == {
        "renew",
        "set_end_date",
    }


def test_missing_routes_of_all_versions_are_a_warning(run_check: RunCheck) -> None:
    _, sections = run_check(WaldurAnswers("renew", "terminate"))
    note, warning = sections["REST API"][-2:]
    assert (note["severity"], note["details"]) == (
        "note",
        ["marketplace-resources/renew (since 8.0.5)"],
    )
    assert (warning["severity"], warning["details"]) == (
        "warning",
        ["marketplace-resources/terminate", "marketplace-provider-resources/terminate"],
    )


def test_routes_are_requested_without_a_token(
    run_check: RunCheck, rest_server: RestServer, staff_token: str
) -> None:
    run_check(WaldurAnswers(), "--token", staff_token)
    paths = {each.path for each in rest_server.requests if "authorization" in each.headers}
    assert paths == {"/api/users/me/", "/api/version/"}
    assert len(rest_server.requests) > len(REST_ROUTES)


@pytest.mark.parametrize(
    ("answers", "key", "text"),
    [
        (WaldurAnswers(username="another"), "", "that of staff in the database and of another in"),
        (WaldurAnswers(username=None), "", "Waldur rejects the token, which is that of staff"),
        (WaldurAnswers(), "0" * 40, "Waldur knows this token and the database does not"),
        (WaldurAnswers(username=None), "0" * 40, "Neither Waldur nor the database knows the token"),
    ],
    ids=["another user", "another Waldur", "another database", "unknown"],
)
def test_a_token_of_another_waldur_is_a_failure(
    run_check: RunCheck, staff_token: str, answers: Responder, key: str, text: str
) -> None:
    status, sections = run_check(answers, "--token", key or staff_token)
    assert status == 1
    (failure,) = list_texts(sections, "failure")
    assert text in failure
    assert staff_token not in json.dumps(sections)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda _: HTMLResponse("<h1>It works!</h1>"), "status 200 and text/html, instead of"),
        (lambda _: HTMLResponse("<h1>Bad Gateway</h1>", 502), "status 502 and text/html"),
        (lambda _: RedirectResponse("https://sso.example.org/"), "to https://sso.example.org/:"),
        (lambda _: JSONResponse({"detail": "Not found."}, 404), "status 404"),
    ],
    ids=["page", "proxy", "redirect", "JSON"],
)
def test_another_server_is_a_failure(run_check: RunCheck, answer: Responder, text: str) -> None:
    status, sections = run_check(answer)
    assert status == 1
    (failure,) = list_texts(sections, "failure")
    assert text in failure


def test_an_unreachable_address_is_a_failure(
    command_runner: CommandRunner, waldur2024_url: str
) -> None:
    status, output, _ = command_runner.run_command(
        *("check", "--database-url", waldur2024_url),
        variables={"GATEWAY_WALDUR_URL": "http://127.0.0.1:1"},
    )
    assert status == 1
    assert "  failure  http://127.0.0.1:1 can't be reached: " in output


def test_the_token_may_come_from_standard_input_and_the_environment(
    command_runner: CommandRunner, rest_server: RestServer, waldur2024_url: str, staff_token: str
) -> None:
    rest_server.respond = WaldurAnswers()
    settings = {"GATEWAY_WALDUR_URL": rest_server.url}
    for arguments, variables, input_text in (
        ((), {"WALDUR_TOKEN": staff_token}, ""),
        (("--token", "-"), {}, f"{staff_token}\n"),
    ):
        _, output, _ = command_runner.run_command(
            *("check", "--database-url", waldur2024_url, *arguments),
            variables=settings | variables,
            input_text=input_text,
        )
        assert "The token is that of staff" in output
        assert staff_token not in output


def test_an_empty_token_on_standard_input_is_refused(
    command_runner: CommandRunner, waldur2024_url: str
) -> None:
    result = command_runner.run_command("check", "--database-url", waldur2024_url, "--token", "-")
    assert result == (2, "", "The token on standard input is empty.\n")


def test_warnings_are_failures_if_the_check_is_strict(run_check: RunCheck) -> None:
    assert run_check(WaldurAnswers())[0] == 0
    assert run_check(WaldurAnswers(), "--strict")[0] == 1


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_a_server_without_a_clock_is_accepted(run_check: RunCheck, date: str | None) -> None:
    def respond(request: RecordedRequest) -> Response:
        response = WaldurAnswers()(request)
        if date is not None:
            response.headers["Date"] = date
        return response

    assert list_texts(run_check(respond)[1], "failure") == []


def answer_about_users(content: bytes) -> Responder:
    """Return a responder that answers requests with a token by JSON, and refuses others."""

    def respond(request: RecordedRequest) -> Response:
        has_token = "authorization" in request.headers
        return Response(content, 200 if has_token else 401, media_type="application/json")

    return respond


def test_deeply_nested_answers_are_failures(run_check: RunCheck, staff_token: str) -> None:
    respond = answer_about_users(b'{"username": %s}' % (b"[" * 10**5 + b"]" * 10**5))
    status, sections = run_check(respond, "--token", staff_token)
    assert status == 1
    assert list_texts(sections, "failure") == ["/api/users/me/ with the token: status 200"]


def test_answers_do_not_control_the_terminal(
    command_runner: CommandRunner, rest_server: RestServer, waldur2024_url: str, staff_token: str
) -> None:
    rest_server.respond = answer_about_users(
        b'{"username": "staff", "version": "1\\u001b[31m\\n  ok"}'
    )
    _, output, _ = command_runner.run_command(
        *("check", "--database-url", waldur2024_url, "--token", staff_token),
        variables={"GATEWAY_WALDUR_URL": rest_server.url},
    )
    assert "  ok       Waldur 1\\x1b[31m\\n  ok\n" in output

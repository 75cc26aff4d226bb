"""Each promise of docs/subscriptions.md has tests that show it."""

import ast
import re

from tests.support.project_paths import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "subscriptions.md").read_text(encoding="utf-8")
CHAOS, DATABASE, SEEN = "system/chaos/test_", "db/events/test_", "subscriptions/test_"
SHOWN = {
    "Every committed change of a resource": (
        f"{CHAOS}database.test_a_burst_in_one_transaction_and_in_a_thousand",
        f"{DATABASE}listener.test_of_many_writers_nothing_is_skipped_and_nothing_told_twice",
    ),
    "A transaction that commits late": (
        f"{DATABASE}feed.test_who_commits_late_is_not_skipped",
        f"{CHAOS}database.test_a_long_transaction_holds_back_and_nothing_is_skipped",
    ),
    "A change that is rolled back": (f"{DATABASE}triggers.test_what_is_undone_is_not_told",),
    "What happened after a cursor": (
        f"{CHAOS}clients.test_who_comes_back_again_and_again_misses_nothing",
        "transports/test_http_stream.test_a_client_that_comes_back_is_told_what_it_missed",
        "transports/test_transports_clients.test_a_client_comes_back",
    ),
    "A cursor that is too old": (
        f"{CHAOS}clients.test_who_comes_with_a_cursor_of_no_use_is_told_and_goes_on",
        f"{CHAOS}clients.test_what_was_removed_meanwhile_is_told_as_expired",
    ),
    "A subscriber who reads too slowly": (
        f"{CHAOS}clients.test_who_does_not_read_is_told_and_others_do_not_notice",
    ),
    "Losing the database": (
        f"{CHAOS}database.test_the_listeners_backend_is_terminated",
        f"{CHAOS}database.test_all_backends_are_terminated_again_and_again",
        f"{CHAOS}database.test_postgresql_is_restarted",
    ),
    "Killing or restarting a gateway": (
        f"{CHAOS}servers.test_a_server_is_terminated_in_a_burst_and_another_takes_its_place",
        f"{CHAOS}servers.test_one_of_two_workers_is_killed",
    ),
    "It does not matter which of several gateways": (
        f"{CHAOS}servers.test_one_of_two_servers_is_killed_and_the_other_takes_over",
    ),
    "Whether an event is told is decided": (
        f"{SEEN}hub_visibility.test_each_is_told_what_became_of_it_to_them",
        f"{SEEN}hub_visibility.test_roles_of_the_moment_count",
        f"{SEEN}event_filter_access_rules.test_events_are_seen_by_the_rule_of_statements",
    ),
    "Of what the viewer does not see any more": (
        f"{SEEN}hub_visibility.test_each_is_told_what_became_of_it_to_them",
        f"{SEEN}message_builder_hidden_rows.test_nothing_depends_on_what_is_hidden",
        f"{SEEN}event_filter.test_a_filter_by_what_is_hidden_tells_nothing",
    ),
    "Roles and tokens are looked at again": (
        "transports/test_transports_sessions.test_it_is_soon_enough",
        "transports/test_transports_sessions.test_a_socket_is_closed",
        "transports/test_transports_sessions.test_a_stream_ends",
        "transports/test_transports_sessions.test_a_role_that_is_given_and_taken_away",
    ),
    "A query that is sent on a WebSocket after a subscription": (
        "transports/test_transports_without_gap.test_a_query_after_a_subscription_leaves_no_gap",
    ),
}
"""By the beginning of each promise, the tests."""


def test_each_promise_is_shown_by_tests() -> None:
    (part,) = re.findall(r"## What is promised\n(.*?)\n## ", PAGE, re.DOTALL)
    promises = re.findall(r"^\* (.*)$", part, re.MULTILINE)
    assert len(promises) == len(SHOWN)
    for promise, beginning in zip(promises, SHOWN, strict=True):
        assert promise.startswith(beginning), promise


def test_the_tests_are_there() -> None:
    for named in {each for tests in SHOWN.values() for each in tests}:
        file, _, name = named.partition(".")
        source = (PROJECT_ROOT / "tests" / f"{file}.py").read_text(encoding="utf-8")
        tests = (ast.FunctionDef, ast.AsyncFunctionDef)
        found = [each.name for each in ast.parse(source).body if isinstance(each, tests)]
        assert name in found, named

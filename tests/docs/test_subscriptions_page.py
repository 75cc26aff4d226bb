"""docs/subscriptions.md: each promise is covered by tests."""

import ast
import re

from tests.support.project_paths import PROJECT_ROOT

SUBSCRIPTIONS_PAGE = (PROJECT_ROOT / "docs" / "subscriptions.md").read_text(encoding="utf-8")
CHAOS_TESTS, DATABASE_TESTS, SUBSCRIPTION_TESTS = (
    "system/chaos/test_",
    "db/events/test_",
    "subscriptions/test_",
)
TESTS_BY_PROMISE = {
    "Every committed change of a resource": (
        f"{CHAOS_TESTS}database.test_a_burst_in_one_transaction_and_in_a_thousand",
        f"{DATABASE_TESTS}listener.test_concurrent_writers_deliver_each_event_once",
    ),
    "A transaction that commits late": (
        f"{DATABASE_TESTS}feed.test_late_commit_is_not_skipped",
        f"{CHAOS_TESTS}database.test_long_transaction_delays_but_skips_nothing",
    ),
    "A change that is rolled back": (f"{DATABASE_TESTS}triggers.test_rollback_makes_no_event",),
    "What happened after a cursor": (
        f"{CHAOS_TESTS}clients.test_reconnecting_subscribers_miss_nothing",
        "transports/test_http_stream.test_reconnecting_client_receives_missed_events",
        "transports/test_transports_clients.test_client_reconnects",
    ),
    "A cursor that is too old": (
        f"{CHAOS_TESTS}clients.test_unusable_cursor_is_resynced",
        f"{CHAOS_TESTS}clients.test_removed_events_expire_cursor",
    ),
    "A subscriber who reads too slowly": (
        f"{CHAOS_TESTS}clients.test_slow_reader_is_resynced_without_affecting_others",
    ),
    "Losing the database": (
        f"{CHAOS_TESTS}database.test_the_listeners_backend_is_terminated",
        f"{CHAOS_TESTS}database.test_all_backends_are_terminated_again_and_again",
        f"{CHAOS_TESTS}database.test_postgresql_is_restarted",
    ),
    "Killing or restarting a gateway": (
        f"{CHAOS_TESTS}servers.test_server_terminated_under_load_is_replaced",
        f"{CHAOS_TESTS}servers.test_one_of_two_workers_is_killed",
    ),
    "It does not matter which of several gateways": (
        f"{CHAOS_TESTS}servers.test_one_of_two_servers_is_killed_and_the_other_takes_over",
    ),
    "Whether an event is told is decided": (
        f"{SUBSCRIPTION_TESTS}hub_visibility.test_event_kind_for_each_viewer",
        f"{SUBSCRIPTION_TESTS}hub_visibility.test_current_roles_decide",
        f"{SUBSCRIPTION_TESTS}event_filter_access_rules.test_event_visibility_agrees_with_sql",
    ),
    "Of what the viewer does not see any more": (
        f"{SUBSCRIPTION_TESTS}hub_visibility.test_event_kind_for_each_viewer",
        f"{SUBSCRIPTION_TESTS}message_builder_hidden_rows.test_nothing_depends_on_what_is_hidden",
        f"{SUBSCRIPTION_TESTS}event_filter.test_filter_by_hidden_scope_matches_nothing",
    ),
    "Roles and tokens are looked at again": (
        "transports/test_transports_sessions.test_check_interval_is_short_enough",
        "transports/test_transports_sessions.test_ended_token_closes_socket",
        "transports/test_transports_sessions.test_ended_token_ends_stream",
        "transports/test_transports_sessions.test_granted_and_revoked_role",
    ),
    "A query that is sent on a WebSocket after a subscription": (
        "transports/test_transports_without_gap.test_a_query_after_a_subscription_leaves_no_gap",
    ),
}
"""The tests of each promise, by its first words."""


def test_each_promise_is_covered_by_tests() -> None:
    (section,) = re.findall(r"## What is promised\n(.*?)\n## ", SUBSCRIPTIONS_PAGE, re.DOTALL)
    promises = re.findall(r"^\* (.*)$", section, re.MULTILINE)
    assert len(promises) == len(TESTS_BY_PROMISE)
    for promise, beginning in zip(promises, TESTS_BY_PROMISE, strict=True):
        assert promise.startswith(beginning), promise


def test_the_named_tests_exist() -> None:
    for qualified_name in {each for tests in TESTS_BY_PROMISE.values() for each in tests}:
        module, _, name = qualified_name.partition(".")
        source = (PROJECT_ROOT / "tests" / f"{module}.py").read_text(encoding="utf-8")
        tests = (ast.FunctionDef, ast.AsyncFunctionDef)
        defined_tests = [each.name for each in ast.parse(source).body if isinstance(each, tests)]
        assert name in defined_tests, qualified_name

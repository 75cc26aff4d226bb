"""docs/subscriptions.md: each guarantee is covered by tests."""

import ast
import re

from tests.support.project_paths import PROJECT_ROOT

SUBSCRIPTIONS_PAGE = (PROJECT_ROOT / "docs" / "subscriptions.md").read_text(encoding="utf-8")
CHAOS_TESTS, DATABASE_TESTS, SUBSCRIPTION_TESTS = (
    "system/chaos/test_",
    "db/events/test_",
    "subscriptions/test_",
)
TESTS_BY_GUARANTEE = {
    "Every committed change of a visible resource": (
        f"{CHAOS_TESTS}database.test_a_burst_in_one_transaction_and_in_a_thousand",
        f"{DATABASE_TESTS}listener.test_concurrent_writers_deliver_each_event_once",
    ),
    "Every committed change of an order": (
        f"{SUBSCRIPTION_TESTS}hub_orders.test_changes_reach_those_who_may_list_the_order",
        f"{SUBSCRIPTION_TESTS}hub_orders.test_deleted_and_new_orders_reach_those_who_may_list_them",
        f"{DATABASE_TESTS}triggers_orders.test_resources_and_orders_share_one_order",
        "transports/test_transports_orders.test_orders_over_a_websocket",
        "transports/test_transports_orders.test_orders_over_http",
    ),
    "A transaction that commits late": (
        f"{DATABASE_TESTS}feed.test_late_commit_is_not_skipped",
        f"{CHAOS_TESTS}database.test_long_transaction_delays_but_skips_nothing",
    ),
    "A change that is rolled back": (f"{DATABASE_TESTS}triggers.test_rollback_makes_no_event",),
    "With a cursor in `after`": (
        f"{CHAOS_TESTS}clients.test_reconnecting_subscribers_miss_nothing",
        "transports/test_http_stream.test_reconnecting_client_receives_missed_events",
        "transports/test_transports_clients.test_client_reconnects",
    ),
    "A change that a list does not show": (
        "resolvers/test_query_events_cursor.test_cursor_precedes_a_change_during_the_request",
        "resolvers/test_query_events_cursor.test_nothing_is_missed_between_list_and_subscription",
    ),
    "A cursor that is expired or unknown": (
        f"{CHAOS_TESTS}clients.test_unusable_cursor_is_resynced",
        f"{CHAOS_TESTS}clients.test_removed_events_expire_cursor",
    ),
    "A subscriber that reads too slowly": (
        f"{CHAOS_TESTS}clients.test_slow_reader_is_resynced_without_affecting_others",
    ),
    "A failure of the database": (
        f"{CHAOS_TESTS}database.test_listener_backend_is_terminated",
        f"{CHAOS_TESTS}database.test_all_backends_are_terminated_repeatedly",
        f"{CHAOS_TESTS}database.test_postgresql_is_restarted",
    ),
    "A crash or restart of a gateway": (
        f"{CHAOS_TESTS}servers.test_server_terminated_under_load_is_replaced",
        f"{CHAOS_TESTS}servers.test_one_of_two_workers_is_killed",
        "docs/test_subscriptions_page_clients.test_javascript_client_resumes",
        "docs/test_subscriptions_page_clients.test_python_client_resumes",
    ),
    "A client can reconnect to any gateway process": (
        f"{CHAOS_TESTS}servers.test_one_of_two_servers_is_killed_and_the_other_takes_over",
    ),
    "A source that fails or changes": (
        f"{CHAOS_TESTS}sources.test_triggers_are_disabled_for_a_while",
        f"{CHAOS_TESTS}sources.test_triggers_are_uninstalled_and_installed",
        f"{SUBSCRIPTION_TESTS}service_source_changes.test_broken_triggers_are_replaced_by_polling_until_repaired",
        f"{SUBSCRIPTION_TESTS}service_source_changes.test_grants_that_come_and_go_change_the_source",
        f"{SUBSCRIPTION_TESTS}service_source_changes.test_required_triggers_are_waited_for",
    ),
    "A cursor continues only the history": (
        f"{CHAOS_TESTS}sources.test_database_is_restored_from_a_dump",
        f"{CHAOS_TESTS}sources.test_standby_is_promoted",
        f"{CHAOS_TESTS}sources.test_server_is_restored_to_an_earlier_point",
        f"{SUBSCRIPTION_TESTS}service_source_changes.test_a_gap_in_the_triggers_invalidates_cursors",
        f"{SUBSCRIPTION_TESTS}service_source_changes.test_cursors_of_earlier_versions_require_resync",
    ),
    "The visibility of an event depends on the resource's": (
        f"{SUBSCRIPTION_TESTS}hub_visibility.test_event_kind_for_each_viewer",
        f"{SUBSCRIPTION_TESTS}hub_visibility.test_current_roles_decide",
        f"{SUBSCRIPTION_TESTS}event_filter_access_rules.test_event_visibility_agrees_with_sql",
    ),
    "The visibility of an event of an order": (
        f"{SUBSCRIPTION_TESTS}hub_orders.test_moves_agree_with_the_rule_before_and_after",
        f"{SUBSCRIPTION_TESTS}hub_orders.test_a_project_of_another_customer_is_not_an_event",
        f"{SUBSCRIPTION_TESTS}event_filter_access_rules.test_event_visibility_agrees_with_sql",
    ),
    "An event of a resource that became hidden": (
        f"{SUBSCRIPTION_TESTS}hub_visibility.test_event_kind_for_each_viewer",
        f"{SUBSCRIPTION_TESTS}message_builder_hidden_rows.test_events_are_independent_of_hidden_values",
        f"{SUBSCRIPTION_TESTS}event_filter.test_filter_by_hidden_scope_matches_nothing",
    ),
    "An event of an order that became hidden": (
        f"{SUBSCRIPTION_TESTS}hub_orders.test_moves_agree_with_the_rule_before_and_after",
        f"{SUBSCRIPTION_TESTS}message_builder_hidden_rows.test_events_are_independent_of_hidden_values",
        f"{SUBSCRIPTION_TESTS}event_filter_orders.test_kinds_and_states_are_those_for_the_viewer",
    ),
    "A filter of orders": (
        f"{SUBSCRIPTION_TESTS}event_filter_orders.test_filters_agree_with_queries",
    ),
    "A cursor of `resourceChanged`": (
        f"{SUBSCRIPTION_TESTS}hub_orders.test_resources_and_orders_have_cursors_of_one_feed",
        "transports/test_transports_orders.test_orders_after_the_last_event_id",
    ),
    "Roles and tokens are checked again": (
        "transports/test_transports_sessions.test_check_interval_is_short_enough",
        "transports/test_transports_sessions.test_ended_token_closes_socket",
        "transports/test_transports_sessions.test_ended_token_ends_stream",
        "transports/test_transports_sessions.test_granted_and_revoked_role",
    ),
    "A query on the same WebSocket after a subscription started": (
        "transports/test_transports_without_gap.test_a_query_after_a_subscription_leaves_no_gap",
    ),
}
"""The tests of each guarantee, by its first words."""


def test_each_guarantee_is_covered_by_tests() -> None:
    (section,) = re.findall(r"## Guarantees\n(.*?)\n## ", SUBSCRIPTIONS_PAGE, re.DOTALL)
    guarantees = re.findall(r"^\* (.*)$", section, re.MULTILINE)
    assert len(guarantees) == len(TESTS_BY_GUARANTEE)
    for guarantee, beginning in zip(guarantees, TESTS_BY_GUARANTEE, strict=True):
        assert guarantee.startswith(beginning), guarantee


def test_the_named_tests_exist() -> None:
    for qualified_name in {each for tests in TESTS_BY_GUARANTEE.values() for each in tests}:
        module, _, name = qualified_name.partition(".")
        source = (PROJECT_ROOT / "tests" / f"{module}.py").read_text(encoding="utf-8")
        tests = (ast.FunctionDef, ast.AsyncFunctionDef)
        defined_tests = [each.name for each in ast.parse(source).body if isinstance(each, tests)]
        assert name in defined_tests, qualified_name

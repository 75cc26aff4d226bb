"""Tests of the demo's history: orders, usages, versions, events, invoices."""

from datetime import date

import psycopg
import pytest

from gateway.demo.marketplace.fill import create_marketplace
from tests.support.demo_queries import count_rows, fetch_values

DONE_ORDERS = "marketplace_order where state = 3"
ORDER_CASES = {
    "renewed": f"{DONE_ORDERS} and type = 2 and attributes ->> 'action' = 'renew'",
    "renewal failed or rejected": """marketplace_order where state in (4, 6)
        and attributes ? 'extension_months'""",
    "plan switched": f"{DONE_ORDERS} and type = 2 and old_plan_id <> plan_id",
    "options changed": f"{DONE_ORDERS} and attributes -> 'new_options' <> '{{}}'",
    "limits changed": f"{DONE_ORDERS} and type = 2 and attributes -> 'old_limits' <> limits",
    "limits change pending": """marketplace_order where state in (1, 2, 7)
        and attributes -> 'old_limits' <> limits""",
    "restored": f"{DONE_ORDERS} and type = 4",
    "terminated": f"{DONE_ORDERS} and type = 3 and termination_comment <> ''",
    "termination pending": "marketplace_order where type = 3 and state in (1, 2, 7)",
    "with a provider's message": "marketplace_order where provider_message <> ''",
    "with a consumer's message": "marketplace_order where consumer_message_updated_at is not null",
    "with a link": "marketplace_order where provider_message_url <> ''",
    "with attachments": "marketplace_order where attachment like '%.pdf'",
    "with attached messages": """marketplace_order
        where provider_message_attachment <> '' and consumer_message_attachment <> ''""",
    "with a comment": "marketplace_order where request_comment <> ''",
    "rejected by the consumer": "marketplace_order where consumer_rejection_comment <> ''",
    "rejected by the provider": "marketplace_order where provider_rejection_comment <> ''",
    "failed": "marketplace_order where state = 4 and error_message <> '' and error_traceback <> ''",
    "with a later start": "marketplace_order where state = 9 and start_date > now()::date",
    "with a callback": "marketplace_order where callback_url <> ''",
    "with an output": f"{DONE_ORDERS} and output <> '' and output_updated_at is not null",
    "with two reviewers": """marketplace_order
        where consumer_reviewed_by_id <> provider_reviewed_by_id""",
}


@pytest.mark.parametrize("source", ORDER_CASES.values(), ids=ORDER_CASES)
def test_has_orders_of_every_case(demo_connection: psycopg.Connection, source: str) -> None:
    assert count_rows(demo_connection, source)


def test_renewals_have_consistent_end_dates(demo_connection: psycopg.Connection) -> None:
    renewals = demo_connection.execute("""
        select (attributes ->> 'old_end_date')::date, (attributes ->> 'new_end_date')::date,
            (attributes ->> 'extension_months')::integer, state, end_date, created_on
        from marketplace_order o join lateral (
            select end_date, created::date as created_on
            from marketplace_resource r where r.id = o.resource_id
        ) r on true
        where attributes ->> 'action' = 'renew' and attributes ->> 'new_end_date' is not null
    """).fetchall()
    assert renewals
    for old_end, new_end, months, state, resource_end, created in renewals:
        assert state != 3 or old_end >= created
        assert (new_end.year - old_end.year) * 12 + new_end.month - old_end.month == months
        assert resource_end == (new_end if state == 3 else old_end)


def test_usages_go_back_for_two_years(demo_connection: psycopg.Connection) -> None:
    months_sql = """select count(distinct billing_period) from marketplace_componentusage
        group by resource_id, component_id"""
    assert max(fetch_values(demo_connection, months_sql)) >= 24
    wrong_month_condition = "date_trunc('month', date at time zone 'UTC') <> billing_period"
    assert (
        count_rows(demo_connection, f"marketplace_componentusage where {wrong_month_condition}")
        == 0
    )


@pytest.mark.parametrize("day", [date(2026, 1, 31), date(2026, 3, 1), date(2028, 2, 29)])
def test_usages_go_back_for_two_years_on_any_day(
    empty_connection: psycopg.Connection, day: date
) -> None:
    create_marketplace(empty_connection, resource_count=60, seed=1, day=day)
    months = fetch_values(
        empty_connection, "select distinct billing_period from marketplace_componentusage"
    )
    assert len(months) >= 24
    assert max(months) == day.replace(day=1)


def test_usages_before_a_plan_switch_are_in_the_former_plan_s_period(
    demo_connection: psycopg.Connection,
) -> None:
    former_plan_sql = """marketplace_componentusage u
        join marketplace_resourceplanperiod p on p.id = u.plan_period_id
        join marketplace_resource r on r.id = u.resource_id where p.plan_id <> r.plan_id"""
    assert count_rows(demo_connection, former_plan_sql)


def test_versions_differ_in_the_changed_fields(demo_connection: psycopg.Connection) -> None:
    for field in ("name", "limits", "end_date"):
        changed_sql = f"""(select object_id from reversion_version
            group by object_id having count(distinct
                serialized_data::jsonb -> 0 -> 'fields' -> '{field}') > 1) s"""
        assert count_rows(demo_connection, changed_sql) > 20
    for expression in ("user_id is null", "comment = ''"):
        assert fetch_values(demo_connection, f"select {expression} from reversion_revision") == {
            True,
            False,
        }
    several_authors_sql = """(select object_id from reversion_version v
        join reversion_revision e on e.id = v.revision_id
        group by object_id having count(distinct e.user_id) > 1) s"""
    assert count_rows(demo_connection, several_authors_sql) > 20


def test_log_has_several_types_of_events(demo_connection: psycopg.Connection) -> None:
    assert count_rows(demo_connection, "(select distinct event_type from logging_event) s") >= 5
    assert count_rows(demo_connection, "(select distinct content_type_id from logging_feed) s") == 2


def test_every_consumer_has_twelve_invoices(demo_connection: psycopg.Connection) -> None:
    months_sql = """select count(*) from invoices_invoice group by customer_id"""
    assert fetch_values(demo_connection, months_sql) == {12}
    wrong_totals_sql = """invoices_invoice i where total_cost <> round(coalesce((
        select sum(unit_price * quantity) from invoices_invoiceitem where invoice_id = i.id
    ), 0), 2)"""
    assert count_rows(demo_connection, wrong_totals_sql) == 0
    assert count_rows(demo_connection, "invoices_invoice where total_cost > 0") > 20

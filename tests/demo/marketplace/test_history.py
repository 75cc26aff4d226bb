"""What the demo's resources went through: orders, plans, usages, versions, invoices."""

from datetime import date

import psycopg
import pytest

from gateway.demo.marketplace.fill import make
from tests.support.demo_queries import count, every

DONE = "marketplace_order where state = 3"
ORDERS = {
    "renewed": f"{DONE} and type = 2 and attributes ->> 'action' = 'renew'",
    "renewal refused": """marketplace_order where state in (4, 6)
        and attributes ? 'extension_months'""",
    "plan switched": f"{DONE} and type = 2 and old_plan_id <> plan_id",
    "options changed": f"{DONE} and attributes -> 'new_options' <> '{{}}'",
    "limits changed": f"{DONE} and type = 2 and attributes -> 'old_limits' <> limits",
    "limits to change": """marketplace_order where state in (1, 2, 7)
        and attributes -> 'old_limits' <> limits""",
    "restored": f"{DONE} and type = 4",
    "terminated": f"{DONE} and type = 3 and termination_comment <> ''",
    "to be terminated": "marketplace_order where type = 3 and state in (1, 2, 7)",
    "asked by the provider": "marketplace_order where provider_message <> ''",
    "answered": "marketplace_order where consumer_message_updated_at is not null",
    "with a link": "marketplace_order where provider_message_url <> ''",
    "with attachments": "marketplace_order where attachment like '%.pdf'",
    "with attached messages": """marketplace_order
        where provider_message_attachment <> '' and consumer_message_attachment <> ''""",
    "with a comment": "marketplace_order where request_comment <> ''",
    "refused by consumers": "marketplace_order where consumer_rejection_comment <> ''",
    "refused by providers": "marketplace_order where provider_rejection_comment <> ''",
    "failed": "marketplace_order where state = 4 and error_message <> '' and error_traceback <> ''",
    "to start later": "marketplace_order where state = 9 and start_date > now()::date",
    "with a callback": "marketplace_order where callback_url <> ''",
    "with an output": f"{DONE} and output <> '' and output_updated_at is not null",
    "reviewed": "marketplace_order where consumer_reviewed_by_id <> provider_reviewed_by_id",
}


@pytest.mark.parametrize("what", ORDERS.values(), ids=ORDERS)
def test_there_are_such_orders(rows: psycopg.Connection, what: str) -> None:
    assert count(rows, what)


def test_a_renewal_says_from_when_to_when(rows: psycopg.Connection) -> None:
    spans = rows.execute("""
        select (attributes ->> 'old_end_date')::date, (attributes ->> 'new_end_date')::date,
            (attributes ->> 'extension_months')::integer, state, end_date, made
        from marketplace_order o join lateral (
            select end_date, created::date as made
            from marketplace_resource r where r.id = o.resource_id
        ) r on true
        where attributes ->> 'action' = 'renew' and attributes ->> 'new_end_date' is not null
    """).fetchall()
    assert spans
    for old, new, months, state, end, made in spans:
        assert state != 3 or old >= made
        assert (new.year - old.year) * 12 + new.month - old.month == months
        assert end == (new if state == 3 else old)


def test_usages_go_back_for_two_years(rows: psycopg.Connection) -> None:
    months = """select count(distinct billing_period) from marketplace_componentusage
        group by resource_id, component_id"""
    assert max(every(rows, months)) >= 24
    elsewhen = "date_trunc('month', date at time zone 'UTC') <> billing_period"
    assert count(rows, f"marketplace_componentusage where {elsewhen}") == 0


@pytest.mark.parametrize("day", [date(2026, 1, 31), date(2026, 3, 1), date(2028, 2, 29)])
def test_usages_go_back_for_two_years_on_any_day(empty: psycopg.Connection, day: date) -> None:
    make(empty, resources=60, seed=1, day=day)
    months = every(empty, "select distinct billing_period from marketplace_componentusage")
    assert len(months) >= 24
    assert max(months) == day.replace(day=1)


def test_usages_before_a_switch_are_of_the_former_plan(rows: psycopg.Connection) -> None:
    former = """marketplace_componentusage u
        join marketplace_resourceplanperiod p on p.id = u.plan_period_id
        join marketplace_resource r on r.id = u.resource_id where p.plan_id <> r.plan_id"""
    assert count(rows, former)


def test_versions_tell_what_was_changed(rows: psycopg.Connection) -> None:
    for field in ("name", "limits", "end_date"):
        changed = f"""(select object_id from reversion_version
            group by object_id having count(distinct
                serialized_data::jsonb -> 0 -> 'fields' -> '{field}') > 1) s"""
        assert count(rows, changed) > 20
    for what in ("user_id is null", "comment = ''"):
        assert every(rows, f"select {what} from reversion_revision") == {True, False}
    hands = """(select object_id from reversion_version v
        join reversion_revision e on e.id = v.revision_id
        group by object_id having count(distinct e.user_id) > 1) s"""
    assert count(rows, hands) > 20


def test_the_log_tells_different_things(rows: psycopg.Connection) -> None:
    assert count(rows, "(select distinct event_type from logging_event) s") >= 6
    assert count(rows, "(select distinct content_type_id from logging_feed) s") == 2


def test_everybody_who_consumes_has_a_year_of_invoices(rows: psycopg.Connection) -> None:
    years = """select count(*) from invoices_invoice group by customer_id"""
    assert every(rows, years) == {12}
    wrong = """invoices_invoice i where total_cost <> round(coalesce((
        select sum(unit_price * quantity) from invoices_invoiceitem where invoice_id = i.id
    ), 0), 2)"""
    assert count(rows, wrong) == 0
    assert count(rows, "invoices_invoice where total_cost > 0") > 20

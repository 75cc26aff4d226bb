"""The demo's offerings: what they are made of, ask, cost and demand."""

import json
from typing import Any

import psycopg
import pytest

from tests.support.demo_queries import count, every

ANSWERS: dict[str, type] = {
    "boolean": bool,
    "component_multiplier": int,
    "conditional_cascade": dict,
    "date": str,
    "html_text": str,
    "integer": int,
    "money": int,
    "select_multiple_openstack_instances": list,
    "select_multiple_openstack_tenants": list,
    "select_openstack_instance": str,
    "select_openstack_tenant": str,
    "select_string": str,
    "select_string_multi": list,
    "string": str,
    "text": str,
    "time": str,
}
"""The types of questions that forms ask, and of what type answers are in JSON."""
ASKED = """
    select o.{form} -> 'options' -> a.key, a.value from marketplace_resource r
    join marketplace_offering o on o.id = r.offering_id, jsonb_each(r.{answers}) a
    where o.{form} -> 'options' ? a.key
"""


def asked(rows: psycopg.Connection) -> list[tuple[dict[str, Any], Any]]:
    """Give all answers with the questions that they answer."""
    found = []
    for form, answers in (("options", "attributes"), ("resource_options", "options")):
        found += rows.execute(ASKED.format(form=form, answers=answers).encode()).fetchall()
    return found


def test_every_type_of_question_is_asked_and_answered(rows: psycopg.Connection) -> None:
    assert {question["type"] for question, _ in asked(rows)} == {*ANSWERS}
    of_resources = every(
        rows,
        """select q.value ->> 'type' from marketplace_offering o,
           jsonb_each(o.resource_options -> 'options') q""",
    )
    assert of_resources == {*ANSWERS} - {"component_multiplier"}


def test_answers_suit_their_questions(rows: psycopg.Connection) -> None:
    for question, answer in asked(rows):
        assert type(answer) is ANSWERS[question["type"]], question
        if "choices" in question:
            chosen = answer if isinstance(answer, list) else [answer]
            assert {*chosen} <= {*question["choices"]}
        if "max" in question:
            assert question["min"] <= answer <= question["max"]


def test_forms_ask_in_the_order_of_their_questions(rows: psycopg.Connection) -> None:
    for (form,) in rows.execute("select options from marketplace_offering"):
        assert {*form["order"]} == {*form["options"]}


def test_partitions_differ(rows: psycopg.Connection) -> None:
    for what, least in (("cpu_arch", 5), ("gpu_arch", 4), ("qos", 6), ("max_time", 6)):
        assert (
            count(rows, f"(select distinct {what} from marketplace_offeringpartition) s") >= least
        )
    for limit in ("max_nodes", "min_nodes", "def_mem_per_gpu", "grace_time", "default_time"):
        limited = every(rows, f"select {limit} is null from marketplace_offeringpartition")
        assert limited == {True, False}, limit
    for flag in ("exclusive_topo", "exclusive_user", "req_resv"):
        assert every(rows, f"select {flag} from marketplace_offeringpartition") == {True, False}


def test_what_is_prepaid_is_renewed_by_several_rules(rows: psycopg.Connection) -> None:
    rules = rows.execute("""
        select distinct min_renewal_duration, max_renewal_duration, renewal_duration_step
        from marketplace_offeringcomponent where is_prepaid
    """).fetchall()
    assert {*rules} == {(3, 24, 3), (12, 36, 12), (1, 120, None), (None, None, None)}
    over = """marketplace_offeringcomponent p
        join marketplace_offeringcomponent o on o.id = p.overage_component_id
        where p.is_prepaid and o.billing_type = 'usage' and o.offering_id = p.offering_id"""
    assert count(rows, over) == 3


def test_every_offering_says_what_it_is(rows: psycopg.Connection) -> None:
    texts = "select description, full_description, getting_started from marketplace_offering"
    assert all(all(row) for row in rows.execute(texts.encode()))
    assert count(rows, "(select distinct description from marketplace_offering) s") > 20
    assert count(rows, "marketplace_plancomponent where price = 0") == 0


@pytest.mark.parametrize(
    ("who", "state"),
    [("owner", "agreed"), ("admin", "agreed to others"), ("reader", "revoked"), ("nobody", None)],
)
def test_people_agreed_to_terms_or_did_not(
    rows: psycopg.Connection, who: str, state: str | None
) -> None:
    agreed = """
        select distinct case when k.revocation_date is not null then 'revoked'
            when k.version = t.version then 'agreed' when k.id is not null then 'agreed to others'
        end
        from marketplace_offeringtermsofservice t cross join core_user u
        left join marketplace_userofferingconsent k
        on k.offering_id = t.offering_id and k.user_id = u.id
        where t.is_active and t.requires_reconsent and u.username = %s
    """
    assert every(rows, agreed, who) == {state}


def test_terms_ask_again_or_do_not(rows: psycopg.Connection) -> None:
    for what in ("requires_reconsent", "is_active", "terms_of_service = ''"):
        assert every(rows, f"select {what} from marketplace_offeringtermsofservice") == {
            True,
            False,
        }


def test_secrets_are_there_to_be_concealed(rows: psycopg.Connection) -> None:
    for where, least in (
        ("reversion_version where serialized_data like '%user_password%'", 100),
        ("logging_event where context::text like '%user_password%'", 100),
        ("structure_servicesettings where password like 'secret-%'", 20),
        ("openstack_tenant where user_password like 'secret-%'", 20),
    ):
        assert count(rows, where) >= least, where
    (data,) = every(rows, "select serialized_data from reversion_version order by id limit 1")
    assert json.loads(data)[0]["fields"]["attributes"]["user_password"] == "secret-history"

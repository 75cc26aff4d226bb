"""Tests of the demo's offerings: questions, partitions, prepaid components, terms, secrets."""

import json
from typing import Any

import psycopg
import pytest

from tests.support.demo_queries import count_rows, fetch_values

ANSWER_TYPES: dict[str, type] = {
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
"""All types of questions, with the Python types of their answers in JSON."""
ANSWERS_SQL = """
    select o.{form} -> 'options' -> a.key, a.value from marketplace_resource r
    join marketplace_offering o on o.id = r.offering_id, jsonb_each(r.{answers}) a
    where o.{form} -> 'options' ? a.key
"""


def load_answers(demo_connection: psycopg.Connection) -> list[tuple[dict[str, Any], Any]]:
    """Return all answers with their questions: (question, answer)."""
    question_answers = []
    for form, answers in (("options", "attributes"), ("resource_options", "options")):
        question_answers += demo_connection.execute(
            ANSWERS_SQL.format(form=form, answers=answers).encode()
        ).fetchall()
    return question_answers


def test_every_type_of_question_is_asked_and_answered(demo_connection: psycopg.Connection) -> None:
    assert {question["type"] for question, _ in load_answers(demo_connection)} == {*ANSWER_TYPES}
    resource_question_types = fetch_values(
        demo_connection,
        """select q.value ->> 'type' from marketplace_offering o,
           jsonb_each(o.resource_options -> 'options') q""",
    )
    assert resource_question_types == {*ANSWER_TYPES} - {"component_multiplier"}


def test_answers_suit_their_questions(demo_connection: psycopg.Connection) -> None:
    for question, answer in load_answers(demo_connection):
        assert type(answer) is ANSWER_TYPES[question["type"]], question
        if "choices" in question:
            choices = answer if isinstance(answer, list) else [answer]
            assert {*choices} <= {*question["choices"]}
        if "max" in question:
            assert question["min"] <= answer <= question["max"]


def test_form_order_lists_all_questions(demo_connection: psycopg.Connection) -> None:
    for (form,) in demo_connection.execute("select options from marketplace_offering"):
        assert {*form["order"]} == {*form["options"]}


def test_partitions_differ(demo_connection: psycopg.Connection) -> None:
    for column, minimum in (("cpu_arch", 5), ("gpu_arch", 4), ("qos", 6), ("max_time", 6)):
        assert (
            count_rows(
                demo_connection, f"(select distinct {column} from marketplace_offeringpartition) s"
            )
            >= minimum
        )
    for limit in ("max_nodes", "min_nodes", "def_mem_per_gpu", "grace_time", "default_time"):
        null_values = fetch_values(
            demo_connection, f"select {limit} is null from marketplace_offeringpartition"
        )
        assert null_values == {True, False}, limit
    for flag in ("exclusive_topo", "exclusive_user", "req_resv"):
        assert fetch_values(
            demo_connection, f"select {flag} from marketplace_offeringpartition"
        ) == {
            True,
            False,
        }


def test_prepaid_components_have_several_renewal_rules(demo_connection: psycopg.Connection) -> None:
    rules = demo_connection.execute("""
        select distinct min_renewal_duration, max_renewal_duration, renewal_duration_step
        from marketplace_offeringcomponent where is_prepaid
    """).fetchall()
    assert {*rules} == {(3, 24, 3), (12, 36, 12), (1, 120, None), (None, None, None)}
    overage_sql = """marketplace_offeringcomponent p
        join marketplace_offeringcomponent o on o.id = p.overage_component_id
        where p.is_prepaid and o.billing_type = 'usage' and o.offering_id = p.offering_id"""
    assert count_rows(demo_connection, overage_sql) == 3


def test_every_offering_has_a_description(demo_connection: psycopg.Connection) -> None:
    texts_sql = "select description, full_description, getting_started from marketplace_offering"
    assert all(all(row) for row in demo_connection.execute(texts_sql.encode()))
    assert (
        count_rows(demo_connection, "(select distinct description from marketplace_offering) s")
        > 20
    )
    assert count_rows(demo_connection, "marketplace_plancomponent where price = 0") == 0


@pytest.mark.parametrize(
    ("username", "state"),
    [("owner", "agreed"), ("admin", "agreed to others"), ("reader", "revoked"), ("nobody", None)],
)
def test_users_have_consented_to_terms_or_not(
    demo_connection: psycopg.Connection, username: str, state: str | None
) -> None:
    consent_sql = """
        select distinct case when k.revocation_date is not null then 'revoked'
            when k.version = t.version then 'agreed' when k.id is not null then 'agreed to others'
        end
        from marketplace_offeringtermsofservice t cross join core_user u
        left join marketplace_userofferingconsent k
        on k.offering_id = t.offering_id and k.user_id = u.id
        where t.is_active and t.requires_reconsent and u.username = %s
    """
    assert fetch_values(demo_connection, consent_sql, username) == {state}


def test_terms_have_both_values_of_each_flag(demo_connection: psycopg.Connection) -> None:
    for expression in ("requires_reconsent", "is_active", "terms_of_service = ''"):
        assert fetch_values(
            demo_connection, f"select {expression} from marketplace_offeringtermsofservice"
        ) == {
            True,
            False,
        }


def test_demo_contains_secrets_that_must_be_hidden(demo_connection: psycopg.Connection) -> None:
    for source, minimum in (
        ("reversion_version where serialized_data like '%user_password%'", 100),
        ("logging_event where context::text like '%user_password%'", 100),
        ("structure_servicesettings where password like 'secret-%'", 20),
        ("openstack_tenant where user_password like 'secret-%'", 20),
    ):
        assert count_rows(demo_connection, source) >= minimum, source
    (data,) = fetch_values(
        demo_connection, "select serialized_data from reversion_version order by id limit 1"
    )
    assert json.loads(data)[0]["fields"]["attributes"]["user_password"] == "secret-history"

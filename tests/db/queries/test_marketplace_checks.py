"""Statements that check rules of the marketplace inside a transaction."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from gateway.db.driver.statement import Statement
from gateway.db.driver.transactions import TransactionPool
from gateway.db.queries.marketplace_checks import SELECT_PERMISSION_EXISTS, SELECT_ROLE_EXISTS

ACTIVE_ROLE_SQL = """
select u.user_id, r.name, p.permission, u.content_type_id, u.object_id
from permissions_userrole u join permissions_role r on r.id = u.role_id
join permissions_rolepermission p on p.role_id = r.id
join core_user c on c.id = u.user_id and c.is_active and not c.is_staff
where u.is_active order by u.id, p.id limit 1
"""
USER_SQL = "select id from core_user where username = '{}'"


@pytest.mark.parametrize(
    ("statement", "kind"), [(SELECT_ROLE_EXISTS, "role"), (SELECT_PERMISSION_EXISTS, "permission")]
)
@pytest.mark.parametrize(
    ("change", "is_expected"),
    [
        (lambda _parameters: {}, True),
        (lambda _parameters: {"names": ["OTHER.ROLE"]}, False),
        (lambda _parameters: {"user_id": 0}, False),
        (lambda _parameters: {"user_id": "nobody"}, False),
        (lambda _parameters: {"user_id": "staff"}, True),
        # The type of one scope does not go with the object of the other.
        (lambda parameters: {"object_ids": parameters["object_ids"][::-1]}, False),
    ],
)
async def test_a_role_is_found_on_one_of_the_scopes(
    demo_url: str,
    statement: Statement,
    kind: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    is_expected: bool,
) -> None:
    """Staff need no role."""
    with psycopg.connect(demo_url) as connection:
        ((user_id, role, permission, content_type_id, object_id),) = connection.execute(
            ACTIVE_ROLE_SQL
        )
        parameters = {
            "user_id": user_id,
            "names": ["OTHER.ROLE", role if kind == "role" else permission],
            "content_type_ids": [content_type_id, -1],
            "object_ids": [object_id, -1],
        }
        parameters |= change(parameters)
        if isinstance(parameters["user_id"], str):
            ((parameters["user_id"],),) = connection.execute(
                USER_SQL.format(parameters["user_id"]).encode()
            )
    pool = TransactionPool(demo_url, statement_seconds=10)
    await pool.open()
    try:
        rows = await pool.run_transaction(
            lambda writer: writer.execute_statement(statement, parameters)
        )
    finally:
        await pool.close()
    assert rows == [(is_expected,)]

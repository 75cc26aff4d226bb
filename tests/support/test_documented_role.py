"""The log of a documented role shows which of its statements write."""

from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests.support.documented_role import StatementLog, create_documented_role, list_writes
from tests.support.gateway_server import create_small_demo

WRITES = (
    "update marketplace_resource set name = 'x'",
    "select id from marketplace_resource for update",
    "with x as (delete from marketplace_order returning id) select * from x",
)


def test_statements_are_logged(empty_database: str, server_folder: Path) -> None:
    create_small_demo(empty_database)
    statement_log = StatementLog(server_folder)
    with create_documented_role(empty_database) as url, psycopg.connect(url) as connection:
        connection.execute("select count(*)\nfrom marketplace_resource where id > %s", [0])
        for each in WRITES:
            with pytest.raises(InsufficientPrivilege), connection.transaction():
                connection.execute(each.encode())
    statements = statement_log.take_statements()
    assert "select count(*)\n\tfrom marketplace_resource where id > $1" in statements
    assert list_writes(statements) == [*WRITES]
    assert statement_log.take_statements() == []

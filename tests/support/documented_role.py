"""The database role that the documentation gives to gateways over a real Waldur.

The server logs its statements, so that tests can show that none writes.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from gateway.db.admin.grants import load_grants

SERVER_LOG_NAME = "server.log"
_STATEMENT_PATTERN = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*(?:\n\t.*)*)", re.MULTILINE)
_READING_PATTERN = re.compile(
    r"\s*(?:select|with|begin|start|commit|rollback|set|show|listen|unlisten|savepoint|release)\b|\s*$",
    re.IGNORECASE,
)
_OWN_PATTERN = re.compile(r"\s*(?:insert\s+into|update|delete\s+from)\s+gateway\.", re.IGNORECASE)
"""Beginning of statements on the tables of `gateway events install`."""
_WRITING_PATTERN = re.compile(
    r"\b(?:(?:insert\s+into|update|delete\s+from)\s+(?!gateway\.)\w+|truncate|nextval|setval"
    r"|for\s+(?:no\s+key\s+)?update|for\s+(?:key\s+)?share)\b",
    re.IGNORECASE,
)


@contextmanager
def create_documented_role(owner_url: str) -> Iterator[str]:
    """Yield the URL of a role with the privileges that `gateway check --grants` prints."""
    role = f"r{uuid4().hex}"
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(f"create role {role} login".encode())
        owner.execute(f"alter role {role} set log_statement = 'all'".encode())
        for grant in load_grants(owner, role):
            owner.execute(grant.render_statement(role).encode())
        try:
            yield owner_url.replace("postgres@", f"{role}@")
        finally:
            owner.execute(f"drop owned by {role} cascade; drop role {role}".encode())


class StatementLog:
    """The statements that roles of `create_documented_role` have run on a server."""

    def __init__(self, server_folder: Path) -> None:
        """Start at the present end of the server's log."""
        self._path = server_folder / SERVER_LOG_NAME
        self._position = self._path.stat().st_size

    def take_statements(self) -> list[str]:
        """Return the statements that were logged since the last call."""
        with self._path.open("rb") as file:
            file.seek(self._position)
            content = file.read()
        self._position += len(content)
        return _STATEMENT_PATTERN.findall(content.decode(errors="replace"))


def list_writes(statements: list[str]) -> list[str]:
    """Return the statements that write to Waldur's tables or lock their rows, or may do so."""
    return [
        each
        for each in statements
        if not (_READING_PATTERN.match(each) or _OWN_PATTERN.match(each))
        or _WRITING_PATTERN.search(each)
    ]

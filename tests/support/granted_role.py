"""Database roles with exactly the privileges that `gateway check --grants` prints."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg

from gateway.db.admin.grants import render_grants


@contextmanager
def create_bare_role(owner_url: str) -> Iterator[str]:
    """Yield the URL of a database for a new role without privileges; remove the role then."""
    role = f"r{uuid4().hex}"
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(f"create role {role} login".encode())
        try:
            yield owner_url.replace("postgres@", f"{role}@")
        finally:
            owner.execute(f"drop owned by {role} cascade; drop role {role}".encode())


@contextmanager
def create_granted_role(owner_url: str) -> Iterator[str]:
    """Yield the URL of a database for a new role with the printed privileges."""
    with create_bare_role(owner_url) as role_url:
        with psycopg.connect(owner_url, autocommit=True) as owner:
            role = psycopg.conninfo.conninfo_to_dict(role_url)["user"]
            owner.execute("\n".join(render_grants(owner, str(role))).encode())
        yield role_url

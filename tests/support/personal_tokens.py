"""Personal access tokens of users of a demo, for tests."""

import json
import secrets
import time
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import httpx
import psycopg

from tests.support.gateway_server import GatewayClient

ENABLE_SQL = """
update core_user set can_use_personal_access_tokens = true;
delete from constance_config where key = 'PAT_ENABLED';
insert into constance_config (key, value) values ('PAT_ENABLED', 'true')
"""
"""Allows all users of a demo to use such tokens."""
_TOKEN_VALUES = {
    "scopes": [],
    "allowed_scopes": [],
    "allowed_networks": [],
    "is_active": True,
    "lifetime": 3600,
}
_INSERT_SQL = """
insert into core_personalaccesstoken (uuid, created, modified, name, token_prefix, token_hash,
    scopes, allowed_scopes, allowed_networks, expires_at, is_active, use_count, user_id)
select gen_random_uuid(), now(), now(), 'Test', %s, %s, %s, %s, %s,
    now() + make_interval(secs => %s), %s, 0, id
from core_user where username = %s
"""
_OBJECT_SQL = "select id from django_content_type where (app_label, model) = (%s, %s)"


def create_token(
    connection: psycopg.Connection[Any],
    username: str,
    scopes: Iterable[str] = (),
    expiry: int | None = None,
    **values: Any,
) -> str:
    """Store a personal access token of a user and return it; `expiry` is that in the token."""
    columns: Mapping[str, Any] = {**_TOKEN_VALUES, "scopes": [*scopes], **values}
    lists = [json.dumps(columns[each]) for each in ("scopes", "allowed_scopes", "allowed_networks")]
    lifetime = columns["lifetime"]
    expiry = int(time.time() + lifetime) if expiry is None else expiry
    token = f"w_{expiry}_{secrets.token_urlsafe(32)}"
    hash_ = sha256(token.encode()).hexdigest()
    parameters = (token[:8], hash_, *lists, lifetime, columns["is_active"], username)
    connection.execute(_INSERT_SQL, parameters)
    return token


def bind_object(
    connection: psycopg.Connection[Any], app_label: str, model: str, object_id: int
) -> dict[str, int]:
    """Return a reference to an object to which a token can be bound."""
    ((type_id,),) = connection.execute(_OBJECT_SQL, (app_label, model)).fetchall()
    return {"content_type_id": type_id, "object_id": object_id}


async def post_with_token(
    client: GatewayClient,
    token: str,
    query: str,
    headers: Mapping[str, str] | None = None,
    **variables: Any,
) -> httpx.Response:
    """Send a query with a personal access token."""
    return await client.http.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"Authorization": f"Bearer {token}", **(headers or {})},
    )

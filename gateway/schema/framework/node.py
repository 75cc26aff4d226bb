"""What every thing with a global id has in common."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from functools import partial
from typing import Any

import strawberry
from sqlalchemy import Column

from gateway.schema.framework.declarations import computed
from gateway.schema.framework.scalars import format_uuid, parse_uuid

MAX_GLOBAL_ID_LENGTH = 100


@strawberry.interface(description="Something with an id of its own.")
class Node:
    """Something with an id of its own."""

    id: strawberry.ID = strawberry.field(description="Identifies the thing among all nodes.")


def encode_global_id(name: str, uuid: str) -> str:
    """Give the id of the thing of type `name` with `uuid`."""
    return urlsafe_b64encode(f"{name}:{format_uuid(uuid)}".encode()).decode()


def decode_global_id(encoded_id: str) -> tuple[str, str] | None:
    """Give the type and the uuid of the thing whose id `value` is; None if it is no id."""
    if len(encoded_id) > MAX_GLOBAL_ID_LENGTH:
        return None
    try:
        type_name, _, uuid = urlsafe_b64decode(encoded_id).decode().partition(":")
        return type_name, parse_uuid(uuid)
    except (ValueError, NotBase64):
        return None


def node_id(name: str, uuid: Column[Any]) -> Any:
    """Declare the global id of things of type `name`."""
    return computed(partial(encode_global_id, name), uuid)

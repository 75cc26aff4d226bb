"""The `Node` interface of Relay, and global ids."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from functools import partial
from typing import Any

import strawberry
from sqlalchemy import Column

from gateway.schema.framework.declarations import computed
from gateway.schema.framework.scalars import format_uuid, parse_uuid

MAX_GLOBAL_ID_LENGTH = 100


@strawberry.interface(description="An object with a global id.")
class Node:
    """An object with a global id."""

    id: strawberry.ID = strawberry.field(
        description="Global id of the object, for `node` and `nodes`."
    )


def encode_global_id(name: str, uuid: str) -> str:
    """Return the global id of the row of type `name` with `uuid`."""
    return urlsafe_b64encode(f"{name}:{format_uuid(uuid)}".encode()).decode()


def decode_global_id(encoded_id: str) -> tuple[str, str] | None:
    """Return the type's name and the uuid of a global id; None if it is invalid."""
    if len(encoded_id) > MAX_GLOBAL_ID_LENGTH:
        return None
    try:
        type_name, _, uuid = urlsafe_b64decode(encoded_id).decode().partition(":")
        return type_name, parse_uuid(uuid)
    except (ValueError, NotBase64):
        return None


def node_id(name: str, uuid: Column[Any]) -> Any:
    """Declare a field that holds the global id of a row of type `name`."""
    return computed(partial(encode_global_id, name), uuid)

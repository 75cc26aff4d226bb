"""Waldur's REST API as data: the routes of a version, and the bodies that they take.

openapi.yaml describes a part of Waldur 8.0.5; later_api.yaml has what other versions and orders
have.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.support.project_paths import WALDUR_FILES

JSON_MEDIA_TYPE = "application/json"
FORM_MEDIA_TYPE = "multipart/form-data"
CONSUMER_COLLECTION = "marketplace-resources"
PROVIDER_COLLECTION = "marketplace-provider-resources"
ORDER_COLLECTION = "marketplace-orders"
WRITE_METHODS = ("post", "put", "patch", "delete")
_PATH_PATTERN = re.compile(r"/api/([a-z-]+)/(?:(\{uuid\}|[^/]+)/)?(?:([a-z_/]+)/)?")


@dataclass(frozen=True)
class ApiRoute:
    """A method of a path."""

    method: str
    collection: str
    action: str
    """The part of the path after the uuid; empty for the object or the collection itself."""
    has_uuid: bool
    body_schemas: Mapping[str, Any]
    """JSON schema of the body by media type; empty if the request has no body."""
    is_body_required: bool = False


@dataclass(frozen=True)
class ApiDescription:
    """The routes of one version of Waldur."""

    version: str
    routes: tuple[ApiRoute, ...]

    def list_routes(self, path: str) -> tuple[str | None, list[ApiRoute]]:
        """Return the uuid in a path and the routes of all methods of the path."""
        match = _PATH_PATTERN.fullmatch(path)
        if match is None:
            return None, []
        collection, name, action = match[1], match[2], match[3] or ""
        named_routes = self._select_routes(collection, name or "", has_uuid=False)
        if named_routes and not action:
            return None, named_routes
        return name, self._select_routes(collection, action, has_uuid=True)

    def _select_routes(self, collection: str, action: str, *, has_uuid: bool) -> list[ApiRoute]:
        wanted = collection, action, has_uuid
        return [
            each for each in self.routes if (each.collection, each.action, each.has_uuid) == wanted
        ]


@cache
def load_api_description(version: str) -> ApiDescription:
    """Return the description of a version, such as `8.0.9`, or `T24` for October 2024."""
    later_api = _load_yaml("later_api.yaml")

    def exists(entry: Mapping[str, Any]) -> bool:
        last = entry.get("until", version)
        return is_since(version, entry.get("since", version)) and is_since(last, version)

    missing = later_api["missing_in_2024"] if version == "T24" else []
    routes = [each for each in _list_described_routes() if each.action not in missing]
    for entry in filter(exists, later_api["changed_bodies"]):
        changed = _build_added_route(entry)
        key = (changed.method, changed.collection, changed.action)
        routes = [
            changed if (each.method, each.collection, each.action) == key else each
            for each in routes
        ]
    routes += [
        replace(each, collection=PROVIDER_COLLECTION)
        for each in routes
        if each.collection == CONSUMER_COLLECTION
        and each.has_uuid
        and each.action in later_api["provider_collection_also_has"]
    ]
    routes += [_build_added_route(each) for each in filter(exists, later_api["added"])]
    return ApiDescription(version, tuple(routes))


def is_since(version: str, first: str) -> bool:
    """Return whether a version is `first` or later."""
    versions = list_versions()
    return versions.index(version) >= versions.index(first)


def list_versions() -> list[str]:
    """Return the versions whose routes differ, the oldest one first."""
    versions: list[str] = _load_yaml("later_api.yaml")["versions"]
    return versions


@cache
def _load_yaml(name: str) -> Any:
    text = (WALDUR_FILES / name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@cache
def _list_described_routes() -> tuple[ApiRoute, ...]:
    document = _load_yaml("openapi.yaml")
    schemas = document["components"]["schemas"]
    return tuple(
        _build_described_route(method, path, operation, schemas)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in (*WRITE_METHODS, "get")
    )


def _build_described_route(
    method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> ApiRoute:
    match = _PATH_PATTERN.fullmatch(path)
    assert match is not None, path
    body = operation.get("requestBody", {})
    has_uuid = match[2] == "{uuid}"
    return ApiRoute(
        method.upper(),
        match[1],
        match[3] or "" if has_uuid else match[2] or "",
        has_uuid,
        {
            media_type: _convert_schema(content["schema"], schemas)
            for media_type, content in body.get("content", {}).items()
        },
        body.get("required", False),
    )


def _build_added_route(entry: Mapping[str, Any]) -> ApiRoute:
    collection, _, action = entry["path"].partition("/")
    body = entry.get("body", {})
    schemas = body if not body or JSON_MEDIA_TYPE in body or FORM_MEDIA_TYPE in body else None
    if schemas is None:
        schemas = {JSON_MEDIA_TYPE: body}
    return ApiRoute(
        "POST",
        collection,
        action,
        True,
        {media_type: _convert_schema(each, {}) for media_type, each in schemas.items()},
        bool(body) and not entry.get("is_optional", False),
    )


def _convert_schema(schema: Any, schemas: Mapping[str, Any]) -> Any:
    """Return a schema of OpenAPI 3.0 as JSON schema without references.

    Objects have no fields but those that are described.
    """
    if isinstance(schema, list):
        return [_convert_schema(each, schemas) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _convert_schema(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    converted = dict(_convert_members(schema, schemas))
    if "properties" in converted:
        converted.setdefault("additionalProperties", False)
    if schema.get("nullable") and "type" in converted:
        converted["type"] = [converted["type"], "null"]
    return converted


def _convert_members(
    schema: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    for name, value in schema.items():
        if name == "properties":
            yield name, {key: _convert_schema(each, schemas) for key, each in value.items()}
        elif name not in ("description", "title", "nullable", "writeOnly", "readOnly", "default"):
            yield name, _convert_schema(value, schemas)

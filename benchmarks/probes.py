"""The probes: queries for marketplaces of several sizes."""

import json
from typing import Any

import psycopg

from benchmarks.marketplaces import BenchmarkMarketplace
from benchmarks.queries import GATEWAY_DIALECT, PAGE_SIZE, QUERIES
from benchmarks.servers import ServerTarget
from benchmarks.subjects import BenchmarkSubjects

_ROW_SELECTION = "{ uuid name state created offering { name } project { name customer { name } } }"
_PAGE_ARGUMENTS = f"orderBy: CREATED_DESC, first: {PAGE_SIZE}"
_FIRST_PAGE_QUERY = f"{{ resources({_PAGE_ARGUMENTS}) {{ nodes {_ROW_SELECTION} }} }}"
_DEEP_PAGE_QUERY = (
    f"query($after: String) {{ resources({_PAGE_ARGUMENTS}, after: $after)"
    f" {{ nodes {_ROW_SELECTION} }} }}"
)
_COUNT_QUERY = "{ resources(first: 1) { totalCount nodes { uuid } } }"
_CURSOR_QUERY = """query($created: DateTime) {
  resources(orderBy: CREATED_DESC, first: 1, filter: { createdBefore: $created }) {
    edges { cursor }
  }
}"""
_MEDIAN_CREATED_SQL = (
    "select percentile_disc(0.5) within group (order by created) from marketplace_resource"
)
PROBES = {
    **{query: QUERIES[query] for query in ("q1", "q2", "q2b", "q4")},
    "first": f"the first {PAGE_SIZE} of all visible resources",
    "deep": f"{PAGE_SIZE} resources from the middle of that list, by cursor",
    "count": "totalCount of the visible resources",
}


def prepare_requests(
    probe: str, marketplace: BenchmarkMarketplace, subjects: BenchmarkSubjects, target: ServerTarget
) -> list[dict[str, Any]]:
    """Return the bodies of a probe's requests. Raises SystemExit if the first fails."""
    bodies = _build_requests(probe, marketplace, subjects, target)
    decoded = json.loads(target.post_request(bodies[0]))
    if "errors" in decoded or not all(decoded["data"].values()):
        raise SystemExit(f"{probe}: {target.name} failed: {str(decoded)[:500]}")
    return bodies


def _build_requests(
    probe: str, marketplace: BenchmarkMarketplace, subjects: BenchmarkSubjects, target: ServerTarget
) -> list[dict[str, Any]]:
    match probe:
        case "first":
            return [{"query": _FIRST_PAGE_QUERY}]
        case "count":
            return [{"query": _COUNT_QUERY}]
        case "deep":
            variables = {"after": _find_middle_cursor(marketplace, target)}
            return [{"query": _DEEP_PAGE_QUERY, "variables": variables}]
        case query:
            return subjects.build_requests(query, GATEWAY_DIALECT)


def _find_middle_cursor(marketplace: BenchmarkMarketplace, target: ServerTarget) -> str:
    """Return the cursor of the resource with the median creation time."""
    with psycopg.connect(marketplace.url) as connection:
        (median_created,) = connection.execute(_MEDIAN_CREATED_SQL).fetchone() or (None,)
    body = {"query": _CURSOR_QUERY, "variables": {"created": str(median_created)}}
    (edge,) = json.loads(target.post_request(body))["data"]["resources"]["edges"]
    return str(edge["cursor"])

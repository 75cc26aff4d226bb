"""What is asked of marketplaces of different sizes."""

import json
from typing import Any

import psycopg

from benchmarks.marketplaces import Marketplace
from benchmarks.queries import GATEWAY, PAGE, QUERIES
from benchmarks.servers import Target
from benchmarks.subjects import Subjects

_ROW = "{ uuid name state created offering { name } project { name customer { name } } }"
_PAGE = f"orderBy: CREATED_DESC, first: {PAGE}"
_FIRST = f"{{ resources({_PAGE}) {{ nodes {_ROW} }} }}"
_DEEP = f"query($after: String) {{ resources({_PAGE}, after: $after) {{ nodes {_ROW} }} }}"
_COUNT = "{ resources(first: 1) { totalCount nodes { uuid } } }"
_PLACE = """query($moment: DateTime) {
  resources(orderBy: CREATED_DESC, first: 1, filter: { createdBefore: $moment }) {
    edges { cursor }
  }
}"""
_MIDDLE = "select percentile_disc(0.5) within group (order by created) from marketplace_resource"
PROBES = {
    **{query: QUERIES[query] for query in ("q1", "q2", "q2b", "q4")},
    "first": f"the first {PAGE} of all resources that the viewer sees",
    "deep": f"{PAGE} resources from the middle of that list, by cursor",
    "count": "how many resources the viewer sees",
}


def requests(
    probe: str, place: Marketplace, subjects: Subjects, target: Target
) -> list[dict[str, Any]]:
    """Give the bodies of a probe's requests, after a look that they are answered."""
    asked = _requests(probe, place, subjects, target)
    answer = json.loads(target.ask(asked[0]))
    if "errors" in answer or not all(answer["data"].values()):
        raise SystemExit(f"{probe}: {target.name} answers {str(answer)[:500]}")
    return asked


def _requests(
    probe: str, place: Marketplace, subjects: Subjects, target: Target
) -> list[dict[str, Any]]:
    match probe:
        case "first":
            return [{"query": _FIRST}]
        case "count":
            return [{"query": _COUNT}]
        case "deep":
            return [{"query": _DEEP, "variables": {"after": _middle(place, target)}}]
        case query:
            return subjects.requests(query, GATEWAY)


def _middle(place: Marketplace, target: Target) -> str:
    """Give the cursor of the resource in the middle of the list."""
    with psycopg.connect(place.url) as connection:
        (moment,) = connection.execute(_MIDDLE).fetchone() or (None,)
    asked = {"query": _PLACE, "variables": {"moment": str(moment)}}
    (edge,) = json.loads(target.ask(asked))["data"]["resources"]["edges"]
    return str(edge["cursor"])

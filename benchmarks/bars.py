"""The chart of the gateway beside its peers: how many times as many requests each answers."""

import math
from collections.abc import Iterator, Mapping

from benchmarks.queries import QUERIES
from benchmarks.report import Medians
from benchmarks.svg import INK, LINE, Frame, bar, heading, level, text

CONNECTIONS = 16
BASE = "postgraphile"
TARGETS = {
    "gateway, staff": ("the gateway, for staff", "#1d4ed8"),
    "gateway, member": ("the gateway, for a member", "#60a5fa"),
    "postgraphile": ("PostGraphile", "#f59e0b"),
    "mercurius": ("mercurius with JIT", "#10b981"),
    "strawberry": ("plain strawberry", "#9ca3af"),
}
_TITLE = "Requests answered in the same time, PostGraphile = 1"
_MARGIN = 14


def bars(frame: Frame, medians: Medians, resources: int) -> Iterator[str]:
    """Draw a group of bars for each query that PostGraphile answers."""
    queries = [each for each in medians.queries if _ratio(medians, each, BASE)]
    heights = {query: _heights(medians, query) for query in queries}
    highest = math.ceil(max(max(each.values()) for each in heights.values()))
    about = f"{CONNECTIONS} connections, one process each, {resources:,} resources"
    checks = "only the gateway checks tokens and permissions"
    yield heading(frame, frame.top - 74, _TITLE, f"{about}; {checks}")
    yield from _legend(frame)
    for mark in range(highest + 1):
        yield level(frame, mark / highest, f"{mark}", LINE if mark else INK)
    room = (frame.right - frame.left) / len(queries)
    for place, query in enumerate(queries):
        left = frame.left + room * place
        yield from _words(query, left + room / 2, frame.bottom)
        group = Frame(left + _MARGIN, left + room - _MARGIN, frame.top, frame.bottom)
        yield from _group(group, heights[query], highest)


def _heights(medians: Medians, query: str) -> dict[str, float]:
    ratios = {target: _ratio(medians, query, target) for target in TARGETS}
    return {target: ratio for target, ratio in ratios.items() if ratio}


def _ratio(medians: Medians, query: str, target: str) -> float | None:
    return medians.ratio(query, target, BASE, CONNECTIONS)


def _legend(frame: Frame) -> Iterator[str]:
    x, y = frame.left, frame.top - 30
    for name, colour in TARGETS.values():
        yield bar(x, y - 10, 12, y + 2, colour)
        yield text(x + 18, y, name)
        x += 44 + 6.4 * len(name)


def _words(query: str, x: float, y: float) -> Iterator[str]:
    yield text(x, y + 20, query.capitalize(), anchor="middle", size=16)
    for line, words in enumerate(_halves(QUERIES[query])):
        yield text(x, y + 37 + 14 * line, words, anchor="middle", size=11)


def _halves(words: str) -> tuple[str, str]:
    """Break a line in two at the space next to its middle."""
    spaces = [place for place, sign in enumerate(words) if sign == " "]
    middle = min(spaces, key=lambda place: abs(place - len(words) / 2))
    return words[:middle], words[middle + 1 :]


def _group(frame: Frame, heights: Mapping[str, float], highest: int) -> Iterator[str]:
    width = (frame.right - frame.left) / len(heights)
    for place, (target, height) in enumerate(heights.items()):
        x, y = frame.left + width * place, frame.up(height / highest)
        yield bar(x + 1, y, width - 2, frame.bottom, TARGETS[target][1])
        said = f"{height:.1f}" if height >= 1 else f"{height:.2f}".lstrip("0")
        yield text(x + width / 2, y - 5, said, anchor="middle", size=11)

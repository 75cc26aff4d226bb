"""The bar chart of the gateway and its peers: request rates relative to PostGraphile's."""

import math
from collections.abc import Iterator, Mapping

from benchmarks.queries import QUERIES
from benchmarks.report import MedianFigures
from benchmarks.svg import (
    INK_COLOUR,
    LINE_COLOUR,
    ChartFrame,
    draw_bar,
    draw_gridline,
    draw_heading,
    draw_text,
)

CONNECTION_COUNT = 16
BASELINE_TARGET = "postgraphile"
TARGET_STYLES = {
    "gateway, staff": ("the gateway, for staff", "#1d4ed8"),
    "gateway, member": ("the gateway, for a member", "#60a5fa"),
    "postgraphile": ("PostGraphile", "#f59e0b"),
    "mercurius": ("mercurius with JIT", "#10b981"),
    "strawberry": ("plain strawberry", "#9ca3af"),
}
_CHART_TITLE = "Requests per second, PostGraphile = 1"
_GROUP_MARGIN_PX = 14


def draw_bar_chart(frame: ChartFrame, medians: MedianFigures, resources: int) -> Iterator[str]:
    """Yield the shapes of the chart: a group of bars for each query that PostGraphile executes."""
    queries = [query for query in medians.queries if _rate_ratio(medians, query, BASELINE_TARGET)]
    heights = {query: _bar_heights(medians, query) for query in queries}
    highest = math.ceil(max(max(query_heights.values()) for query_heights in heights.values()))
    setup = f"{CONNECTION_COUNT} connections, one process each, {resources:,} resources"
    note = "only the gateway checks tokens and permissions"
    yield draw_heading(frame, frame.top - 74, _CHART_TITLE, f"{setup}; {note}")
    yield from _draw_legend(frame)
    for tick in range(highest + 1):
        yield draw_gridline(frame, tick / highest, f"{tick}", LINE_COLOUR if tick else INK_COLOUR)
    group_width = (frame.right - frame.left) / len(queries)
    for index, query in enumerate(queries):
        group_left = frame.left + group_width * index
        yield from _draw_query_label(query, group_left + group_width / 2, frame.bottom)
        group_frame = ChartFrame(
            group_left + _GROUP_MARGIN_PX,
            group_left + group_width - _GROUP_MARGIN_PX,
            frame.top,
            frame.bottom,
        )
        yield from _draw_bar_group(group_frame, heights[query], highest)


def _bar_heights(medians: MedianFigures, query: str) -> dict[str, float]:
    ratios = {target: _rate_ratio(medians, query, target) for target in TARGET_STYLES}
    return {target: ratio for target, ratio in ratios.items() if ratio}


def _rate_ratio(medians: MedianFigures, query: str, target: str) -> float | None:
    return medians.rate_ratio(query, target, BASELINE_TARGET, CONNECTION_COUNT)


def _draw_legend(frame: ChartFrame) -> Iterator[str]:
    x, y = frame.left, frame.top - 30
    for name, colour in TARGET_STYLES.values():
        yield draw_bar(x, y - 10, 12, y + 2, colour)
        yield draw_text(x + 18, y, name)
        x += 44 + 6.4 * len(name)


def _draw_query_label(query: str, x: float, y: float) -> Iterator[str]:
    yield draw_text(x, y + 20, query.capitalize(), anchor="middle", size=16)
    for line, label_line in enumerate(_split_label(QUERIES[query])):
        yield draw_text(x, y + 37 + 14 * line, label_line, anchor="middle", size=11)


def _split_label(label: str) -> tuple[str, str]:
    """Split a label in two at the space nearest to its middle."""
    spaces = [position for position, character in enumerate(label) if character == " "]
    middle = min(spaces, key=lambda position: abs(position - len(label) / 2))
    return label[:middle], label[middle + 1 :]


def _draw_bar_group(frame: ChartFrame, heights: Mapping[str, float], highest: int) -> Iterator[str]:
    width = (frame.right - frame.left) / len(heights)
    for index, (target, height) in enumerate(heights.items()):
        x, y = frame.left + width * index, frame.y_at(height / highest)
        yield draw_bar(x + 1, y, width - 2, frame.bottom, TARGET_STYLES[target][1])
        label = f"{height:.1f}" if height >= 1 else f"{height:.2f}".lstrip("0")
        yield draw_text(x + width / 2, y - 5, label, anchor="middle", size=11)

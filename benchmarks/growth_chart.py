"""The chart of response times by marketplace size; both scales are logarithmic."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from benchmarks.scale import TimeSample
from benchmarks.svg import ChartFrame, draw_curve, draw_gridline, draw_heading, draw_text

PROBE_STYLES = {
    "q1": ("one resource in detail", "#1d4ed8"),
    "q2": ("50 resources of a project", "#0891b2"),
    "q2b": ("that, with totalCount", "#10b981"),
    "q4": ("one name and state", "#9ca3af"),
    "first": ("50 of all resources", "#f59e0b"),
    "deep": ("50 from the middle of all", "#dc2626"),
    "count": ("totalCount of all", "#7c3aed"),
}
_INSET_PX, _LABEL_HEIGHT_PX = 24, 17


@dataclass(frozen=True)
class GrowthChart:
    """Chart of the response times of one viewer."""

    frame: ChartFrame
    times: Sequence[TimeSample]

    @cached_property
    def marketplace_sizes(self) -> list[int]:
        """The numbers of resources, ascending."""
        return sorted({sample.resources for sample in self.times})

    @cached_property
    def median_lines(self) -> dict[str, list[float]]:
        """The median times of each probe in the order of sizes, in milliseconds."""
        return {
            probe: [self._median_time(probe, size) for size in self.marketplace_sizes]
            for probe in PROBE_STYLES
        }

    @cached_property
    def powers_of_ten(self) -> range:
        """The exponents of ten that enclose all times."""
        values = [math.log10(time) for line in self.median_lines.values() for time in line]
        return range(math.floor(min(values)), math.ceil(max(values)) + 1)

    def draw_chart(self) -> Iterator[str]:
        """Yield the shapes of the chart."""
        subtitle = "medians for a member, one request at a time"
        yield draw_heading(
            self.frame, self.frame.top - 44, "Response time in milliseconds", subtitle
        )
        for power in self.powers_of_ten:
            yield draw_gridline(self.frame, self._log_share(10.0**power), f"{10.0**power:g}")
        for size in self.marketplace_sizes:
            y = self.frame.bottom + 22
            yield draw_text(self._x_position(size), y, f"{size:,} resources", anchor="middle")
        for probe, line in self.median_lines.items():
            points = zip(
                map(self._x_position, self.marketplace_sizes),
                map(self._y_position, line),
                strict=True,
            )
            yield draw_curve([*points], PROBE_STYLES[probe][1])
        yield from self._draw_labels()

    def _draw_labels(self) -> Iterator[str]:
        line_ends = {probe: self._y_position(line[-1]) for probe, line in self.median_lines.items()}
        for probe, y in spread_labels(line_ends, _LABEL_HEIGHT_PX).items():
            name, colour = PROBE_STYLES[probe]
            label = f"{name}: {self.median_lines[probe][-1]:.3g}"
            yield draw_text(self.frame.right + 4, y + 4, label, colour=colour)

    def _median_time(self, probe: str, size: int) -> float:
        probe_and_size = (probe, size)
        return median(
            sample.p50
            for sample in self.times
            if (sample.probe, sample.resources) == probe_and_size
        )

    def _x_position(self, size: int) -> float:
        share = math.log(size / self.marketplace_sizes[0]) / (
            math.log(self.marketplace_sizes[-1] / self.marketplace_sizes[0]) or 1
        )
        plot_width = self.frame.right - self.frame.left - 2 * _INSET_PX
        return self.frame.left + _INSET_PX + plot_width * share

    def _y_position(self, value: float) -> float:
        return self.frame.y_at(self._log_share(value))

    def _log_share(self, value: float) -> float:
        return (math.log10(value) - self.powers_of_ten[0]) / (
            self.powers_of_ten[-1] - self.powers_of_ten[0]
        )


def spread_labels(positions: Mapping[str, float], min_distance: float) -> dict[str, float]:
    """Move labels down until their distances are at least `min_distance`."""
    new_positions: dict[str, float] = {}
    last_y = -math.inf
    for name, y in sorted(positions.items(), key=lambda item: item[1]):
        last_y = new_positions[name] = max(y, last_y + min_distance)
    return new_positions

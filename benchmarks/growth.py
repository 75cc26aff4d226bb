"""The chart of times in growing marketplaces; both scales are logarithmic."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from benchmarks.scale import Time
from benchmarks.svg import Frame, curve, heading, level, text

LABELS = {
    "q1": ("one resource in detail", "#1d4ed8"),
    "q2": ("50 resources of a project", "#0891b2"),
    "q2b": ("that, with totalCount", "#10b981"),
    "q4": ("one name and state", "#9ca3af"),
    "first": ("50 of all resources", "#f59e0b"),
    "deep": ("50 from the middle of all", "#dc2626"),
    "count": ("totalCount of all", "#7c3aed"),
}
_INSET, _LABEL = 24, 17


@dataclass(frozen=True)
class Growth:
    """The times of one viewer, in a frame."""

    frame: Frame
    times: Sequence[Time]

    @cached_property
    def sizes(self) -> list[int]:
        """The sizes of the marketplaces."""
        return sorted({each.resources for each in self.times})

    @cached_property
    def lines(self) -> dict[str, list[float]]:
        """The medians of each probe, by size."""
        return {probe: [self._middle(probe, size) for size in self.sizes] for probe in LABELS}

    @cached_property
    def powers(self) -> range:
        """The powers of ten around all times."""
        values = [math.log10(each) for line in self.lines.values() for each in line]
        return range(math.floor(min(values)), math.ceil(max(values)) + 1)

    def shapes(self) -> Iterator[str]:
        """Draw the chart."""
        about = "medians for a member, one request at a time"
        yield heading(self.frame, self.frame.top - 44, "Milliseconds until the answer", about)
        for power in self.powers:
            yield level(self.frame, self._share(10.0**power), f"{10.0**power:g}")
        for size in self.sizes:
            y = self.frame.bottom + 22
            yield text(self._across(size), y, f"{size:,} resources", anchor="middle")
        for probe, line in self.lines.items():
            points = zip(map(self._across, self.sizes), map(self._up, line), strict=True)
            yield curve([*points], LABELS[probe][1])
        yield from self._labels()

    def _labels(self) -> Iterator[str]:
        ends = {probe: self._up(line[-1]) for probe, line in self.lines.items()}
        for probe, y in apart(ends, _LABEL).items():
            name, colour = LABELS[probe]
            words = f"{name}: {self.lines[probe][-1]:.3g}"
            yield text(self.frame.right + 4, y + 4, words, colour=colour)

    def _middle(self, probe: str, size: int) -> float:
        wanted = (probe, size)
        return median(each.p50 for each in self.times if (each.probe, each.resources) == wanted)

    def _across(self, size: int) -> float:
        share = math.log(size / self.sizes[0]) / (math.log(self.sizes[-1] / self.sizes[0]) or 1)
        room = self.frame.right - self.frame.left - 2 * _INSET
        return self.frame.left + _INSET + room * share

    def _up(self, value: float) -> float:
        return self.frame.up(self._share(value))

    def _share(self, value: float) -> float:
        return (math.log10(value) - self.powers[0]) / (self.powers[-1] - self.powers[0])


def apart(places: Mapping[str, float], least: float) -> dict[str, float]:
    """Move labels down until none covers another."""
    moved: dict[str, float] = {}
    last = -math.inf
    for name, y in sorted(places.items(), key=lambda each: each[1]):
        last = moved[name] = max(y, last + least)
    return moved

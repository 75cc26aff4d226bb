"""`make bench-scale`: what becomes of the gateway's times and memory as the marketplace grows."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from pathlib import Path
from statistics import median

from benchmarks.keeping import RESULTS, heed_signals, keep, numbers
from benchmarks.load import loaded
from benchmarks.marketplaces import Marketplace, marketplace
from benchmarks.meters import memory, settle
from benchmarks.probes import PROBES, requests
from benchmarks.report import number, table
from benchmarks.saying import say
from benchmarks.servers import Target, gateway
from benchmarks.subjects import Subjects, chosen

WARMUP = 1


@dataclass(frozen=True)
class Scene:
    """A marketplace of a size, with a gateway of its own."""

    place: Marketplace
    subjects: Subjects
    targets: Sequence[Target]
    fresh: int
    """The bytes of memory that the gateway held when it had just started."""


@dataclass(frozen=True)
class Time:
    """How long a probe took in a marketplace of a size."""

    resources: int
    viewer: str
    probe: str
    round: int
    p50: float
    p99: float
    """Milliseconds."""


@dataclass(frozen=True)
class Memory:
    """The megabytes that the gateway held: freshly started, and after all probes."""

    resources: int
    fresh: float
    after: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all sizes, print the tables and write the figures; give the exit status."""
    given = _parser().parse_args(arguments)
    heed_signals()
    with ExitStack() as running:
        scenes = [_scene(each, running) for each in sorted(given.sizes)]
        times = [
            time for number in range(given.rounds) for time in _round(scenes, number, given.seconds)
        ]
        memories = [_memory(each) for each in scenes]
    print("\n\n".join(tables(times, memories)))
    keep(given.output, {"times": [*map(asdict, times)], "memory": [*map(asdict, memories)]})
    return 0


def _scene(resources: int, running: ExitStack) -> Scene:
    place = running.enter_context(marketplace(resources))
    subjects = chosen(place.url)
    targets = running.enter_context(gateway(place, "staff", subjects.member))
    return Scene(place, subjects, targets, memory(targets[0].pid))


def _round(scenes: Sequence[Scene], number: int, seconds: int) -> Iterator[Time]:
    """Take all times once; the sizes in turn, so that a busy machine is as hard on each."""
    for viewer, probe in product(range(2), PROBES):
        for scene in scenes:
            yield _time(scene, scene.targets[viewer], probe, number, seconds)


def _time(scene: Scene, target: Target, probe: str, number: int, seconds: int) -> Time:
    asked = requests(probe, scene.place, scene.subjects, target)
    loaded(target, asked, 1, WARMUP)
    load = loaded(target, asked, 1, seconds)
    settle(target.pid)
    viewer, size = target.name.removeprefix("gateway, "), scene.place.resources
    say(f"round {number + 1}  {size:>9,}  {viewer:<6}  {probe:<5}  {load.p50:8.2f} ms")
    return Time(size, viewer, probe, number, load.p50, load.p99)


def _memory(scene: Scene) -> Memory:
    after = memory(scene.targets[0].pid)
    return Memory(scene.place.resources, scene.fresh / 1e6, after / 1e6)


def tables(times: Sequence[Time], memories: Sequence[Memory]) -> Iterator[str]:
    """Write a table for each viewer, and one of memory."""
    sizes = [each.resources for each in memories]
    sized = [f"{each:,}" for each in sizes]
    growth = [f"{large // small} x" for small, large in pairwise(sizes)]
    for viewer in dict.fromkeys(each.viewer for each in times):
        own = [each for each in times if each.viewer == viewer]
        rows = [[PROBES[probe], *_row(own, probe, sizes)] for probe in PROBES]
        yield f"Milliseconds, median / 99 %, for {viewer}\n\n{table(['', *sized, *growth], rows)}"
    held = [
        ["freshly started", *(number(each.fresh) for each in memories)],
        ["after the probes", *(number(each.after) for each in memories)],
    ]
    yield f"Memory of the gateway, MB\n\n{table(['', *sized], held)}"


def _row(times: Sequence[Time], probe: str, sizes: Sequence[int]) -> Iterator[str]:
    """Write the times of a probe by size, and how much each is of the one before."""
    found = [
        [each for each in times if (each.probe, each.resources) == (probe, size)] for size in sizes
    ]
    middles = [median(each.p50 for each in series) for series in found]
    for middle, series in zip(middles, found, strict=True):
        yield f"{middle:.2f} / {median(each.p99 for each in series):.2f}"
    for small, large in pairwise(middles):
        yield f"{large / small:.2f}"


def _parser() -> argparse.ArgumentParser:
    known = "; ".join(f"{name}: {what}" for name, what in PROBES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description=f"{__doc__} The probes are: {known}."
    )
    parser.add_argument("--sizes", type=numbers, default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each probe")
    parser.add_argument("--output", type=Path, default=RESULTS / "scale.json")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""`make bench-scale`: measure response times and memory by the size of the marketplace."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from pathlib import Path
from statistics import median

from benchmarks.cli_support import (
    RESULTS_FOLDER,
    handle_signals,
    parse_numbers,
    print_progress,
    write_results,
)
from benchmarks.load import run_load
from benchmarks.marketplaces import BenchmarkMarketplace, run_marketplace
from benchmarks.probes import PROBES, prepare_requests
from benchmarks.process_usage import memory_bytes, wait_until_idle
from benchmarks.report import format_number, format_table
from benchmarks.servers import ServerTarget, run_gateway
from benchmarks.subjects import BenchmarkSubjects, choose_subjects

WARMUP_SECONDS = 1


@dataclass(frozen=True)
class ScaleSetup:
    """A marketplace with its own gateway."""

    marketplace: BenchmarkMarketplace
    subjects: BenchmarkSubjects
    targets: Sequence[ServerTarget]
    fresh_memory_bytes: int
    """The memory of the gateway right after its start."""


@dataclass(frozen=True)
class TimeSample:
    """The response times of a probe in one marketplace in one round."""

    resources: int
    viewer: str
    probe: str
    round: int
    p50: float
    p99: float
    """Percentiles in milliseconds."""


@dataclass(frozen=True)
class MemorySample:
    """The memory of a gateway in megabytes, freshly started and after all probes."""

    resources: int
    fresh: float
    after: float


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all sizes, print the tables and write the figures; return the exit status."""
    options = _build_parser().parse_args(argv)
    handle_signals()
    with ExitStack() as running:
        setups = [_start_setup(size, running) for size in sorted(options.sizes)]
        samples = [
            sample
            for round_number in range(options.rounds)
            for sample in _measure_round(setups, round_number, options.seconds)
        ]
        memory_samples = [_measure_memory(setup) for setup in setups]
    print("\n\n".join(format_tables(samples, memory_samples)))
    figures = {"times": [*map(asdict, samples)], "memory": [*map(asdict, memory_samples)]}
    write_results(options.output, figures)
    return 0


def _start_setup(resource_count: int, stack: ExitStack) -> ScaleSetup:
    marketplace = stack.enter_context(run_marketplace(resource_count))
    subjects = choose_subjects(marketplace.url)
    targets = stack.enter_context(run_gateway(marketplace, "staff", subjects.member))
    return ScaleSetup(marketplace, subjects, targets, memory_bytes(targets[0].pid))


def _measure_round(
    setups: Sequence[ScaleSetup], round_number: int, seconds: int
) -> Iterator[TimeSample]:
    """Yield one measurement of each probe; sizes alternate, so that other load affects all."""
    for viewer, probe in product(range(2), PROBES):
        for setup in setups:
            yield _measure_time(setup, setup.targets[viewer], probe, round_number, seconds)


def _measure_time(
    setup: ScaleSetup, target: ServerTarget, probe: str, round_number: int, seconds: int
) -> TimeSample:
    bodies = prepare_requests(probe, setup.marketplace, setup.subjects, target)
    run_load(target, bodies, 1, WARMUP_SECONDS)
    load_result = run_load(target, bodies, 1, seconds)
    wait_until_idle(target.pid)
    viewer, size = target.name.removeprefix("gateway, "), setup.marketplace.resources
    print_progress(
        f"round {round_number + 1}  {size:>9,}  {viewer:<6}  {probe:<5}  {load_result.p50:8.2f} ms"
    )
    return TimeSample(size, viewer, probe, round_number, load_result.p50, load_result.p99)


def _measure_memory(setup: ScaleSetup) -> MemorySample:
    after = memory_bytes(setup.targets[0].pid)
    return MemorySample(setup.marketplace.resources, setup.fresh_memory_bytes / 1e6, after / 1e6)


def format_tables(
    samples: Sequence[TimeSample], memory_samples: Sequence[MemorySample]
) -> Iterator[str]:
    """Yield a table of times for each viewer, and one of memory."""
    sizes = [sample.resources for sample in memory_samples]
    size_headings = [f"{size:,}" for size in sizes]
    growth_headings = [f"{large // small} x" for small, large in pairwise(sizes)]
    for viewer in dict.fromkeys(sample.viewer for sample in samples):
        viewer_samples = [sample for sample in samples if sample.viewer == viewer]
        rows = [[PROBES[probe], *_format_row(viewer_samples, probe, sizes)] for probe in PROBES]
        table = format_table(["", *size_headings, *growth_headings], rows)
        yield f"Milliseconds, median / 99th percentile, for {viewer}\n\n{table}"
    memory_rows = [
        ["freshly started", *(format_number(sample.fresh) for sample in memory_samples)],
        ["after the probes", *(format_number(sample.after) for sample in memory_samples)],
    ]
    yield f"Memory of the gateway, MB\n\n{format_table(['', *size_headings], memory_rows)}"


def _format_row(samples: Sequence[TimeSample], probe: str, sizes: Sequence[int]) -> Iterator[str]:
    """Yield the times of a probe by size, then the ratios of consecutive sizes."""
    series_by_size = [
        [sample for sample in samples if (sample.probe, sample.resources) == (probe, size)]
        for size in sizes
    ]
    medians = [median(sample.p50 for sample in series) for series in series_by_size]
    for median_ms, series in zip(medians, series_by_size, strict=True):
        yield f"{median_ms:.2f} / {median(sample.p99 for sample in series):.2f}"
    for small, large in pairwise(medians):
        yield f"{large / small:.2f}"


def _build_parser() -> argparse.ArgumentParser:
    probe_list = "; ".join(f"{name}: {description}" for name, description in PROBES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description=f"{__doc__} The probes are: {probe_list}."
    )
    parser.add_argument("--sizes", type=parse_numbers, default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="duration of each probe")
    parser.add_argument("--output", type=Path, default=RESULTS_FOLDER / "scale.json")
    return parser


if __name__ == "__main__":
    sys.exit(main())

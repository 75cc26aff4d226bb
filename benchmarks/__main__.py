"""`make bench`: measure the gateway and its peers over one database, in interleaved rounds."""

import argparse
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.benchmark_run import BenchmarkRun, MeasurementPlan
from benchmarks.cli_support import (
    RESULTS_FOLDER,
    handle_signals,
    parse_numbers,
    print_progress,
    write_results,
)
from benchmarks.marketplaces import run_marketplace
from benchmarks.queries import QUERIES
from benchmarks.report import format_report
from benchmarks.servers import PEER_SERVERS, PLAN_CACHE_MODES, run_servers
from benchmarks.subjects import choose_subjects


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the tables and write the figures; return the exit status."""
    options = _build_parser().parse_args(argv)
    handle_signals()
    plan = MeasurementPlan(
        options.queries, options.connections, options.rounds, options.seconds, options.warmup
    )
    with run_marketplace(options.resources) as marketplace:
        subjects = choose_subjects(marketplace.url)
        with run_servers(marketplace, subjects.member, options.peers, options.plans) as targets:
            run = BenchmarkRun(marketplace, subjects, targets, plan)
            print_progress("Comparing the responses ...")
            run.check_answers()
            print_progress("Counting the statements ...")
            statements = run.count_statements()
            print_progress("Measuring ...")
            cells = list(run.measure_cells())
    print(format_report(cells, statements))
    figures = {
        "resources": options.resources,
        "plan": asdict(plan),
        "plans": options.plans,
        "statements": statements,
        "cells": [asdict(cell) for cell in cells],
    }
    write_results(options.output, figures)
    return 0


def _build_parser() -> argparse.ArgumentParser:
    query_list = "; ".join(f"{name}: {description}" for name, description in QUERIES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=f"{__doc__} The queries are: {query_list}."
    )
    parser.add_argument("--queries", type=_make_list_type(QUERIES), default=[*QUERIES])
    parser.add_argument("--peers", type=_make_list_type(PEER_SERVERS), default=[*PEER_SERVERS])
    parser.add_argument("--connections", type=parse_numbers, default=[1, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="duration of each measurement")
    parser.add_argument(
        "--warmup",
        type=int,
        default=2,
        help="seconds of load before the measurements, for each query and server",
    )
    parser.add_argument(
        "--plans",
        choices=PLAN_CACHE_MODES,
        default=PLAN_CACHE_MODES[0],
        help="plan_cache_mode of the peers' connections",
    )
    parser.add_argument("--resources", type=int, default=100_000)
    parser.add_argument("--output", type=Path, default=RESULTS_FOLDER / "run.json")
    return parser


def _make_list_type(choices: Collection[str]) -> Callable[[str], list[str]]:
    def parse_list(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        unknown = [name for name in names if name not in choices]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"must be among {', '.join(choices)}, got {unknown[0]}"
            )
        return names

    return parse_list


if __name__ == "__main__":
    sys.exit(main())
